"""Read `podman diff`: how a container's root filesystem differs from its image."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.podman.answer import parse_json, reading, texts_of

_MOST_PATHS = 20_000


@dataclass(frozen=True, kw_only=True)
class Changes:
    added: list[str]
    changed: list[str]
    deleted: list[str]


@reading("podman diff")
def parse_diff(text: str) -> Changes:
    """Read `podman diff --format json`; of each kind the first 20,000 paths.

    Raises UnreadableAnswer.
    """
    found = parse_json(text, "podman diff")
    return Changes(
        **{
            kind: texts_of(found.get(kind))[:_MOST_PATHS]
            for kind in ("added", "changed", "deleted")
        }
    )
