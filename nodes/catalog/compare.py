"""Compare what two archives hold, of the same container or of different ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodes.catalog.compare_documents import compare_documents
from nodes.catalog.compare_facts import mount_facts, network_facts, rootfs_facts, volume_facts
from nodes.catalog.compare_processes import (
    ProcessPair,
    compare_environment,
    compare_files,
    compare_memory,
    compare_processes,
    compare_sockets,
    match_processes,
)
from nodes.catalog.compare_result import Comparison, SectionComparison, Value

__all__ = ["Comparison", "SectionComparison", "compare"]

Sections = Mapping[str, Any]
# What stands in a path for the ID of the container whose it is.
_ID: Final = "ID"
_WITH_IDS: Final = ("files", "mounts", "spec", "config")


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One section of the comparison, and the sections of the archives that it needs."""

    name: str
    title: str
    needs: tuple[str, ...]
    compare: Callable[[SectionComparison, Sequence[ProcessPair], Sections, Sections], None]


def compare(left: Sections, right: Sections) -> Comparison:
    """Compare two archives' contents, each by the names of contents.SECTIONS.

    What one of them does not have is told as missing.
    """
    left, right = _without_own_id(left), _without_own_id(right)
    pairs: list[ProcessPair] = []
    if "processes" in left and "processes" in right:
        pairs = match_processes(left["processes"], right["processes"])
    return Comparison(sections=[_compared(part, pairs, left, right) for part in _PARTS])


def _compared(
    part: _Part, pairs: Sequence[ProcessPair], left: Sections, right: Sections
) -> SectionComparison:
    section = SectionComparison(name=part.name, title=part.title)
    lacks = [any(need not in sections for need in part.needs) for sections in (left, right)]
    if any(lacks):
        which = "Neither" if all(lacks) else "Only the second" if lacks[0] else "Only the first"
        section.missing = f"{which} archive tells of it."
    else:
        part.compare(section, pairs, left, right)
    return section


def _by_facts(name: str, title: str, facts: Callable[[Any], dict[str, Value]]) -> _Part:
    return _Part(
        name=name,
        title=title,
        needs=(name,),
        compare=lambda section, _, left, right: section.add_all(
            facts(left[name]), facts(right[name])
        ),
    )


def _by_paths(name: str, title: str) -> _Part:
    return _Part(
        name=name,
        title=title,
        needs=(name,),
        compare=lambda section, _, left, right: compare_documents(section, left[name], right[name]),
    )


_PARTS: Final = (
    _Part(
        name="processes",
        title="Processes",
        needs=("processes",),
        compare=lambda section, pairs, *_: compare_processes(section, pairs),
    ),
    _Part(
        name="memory",
        title="Memory",
        needs=("processes", "memory"),
        compare=lambda section, pairs, left, right: compare_memory(
            section, pairs, left["memory"], right["memory"]
        ),
    ),
    _Part(
        name="files",
        title="Open files",
        needs=("processes", "files"),
        compare=lambda section, pairs, left, right: compare_files(
            section, pairs, left["files"], right["files"]
        ),
    ),
    _Part(
        name="sockets",
        title="Sockets",
        needs=("sockets",),
        compare=lambda section, _, left, right: compare_sockets(
            section, left["sockets"], right["sockets"]
        ),
    ),
    _Part(
        name="environment",
        title="Environment",
        needs=("processes",),
        compare=lambda section, pairs, *_: compare_environment(section, pairs),
    ),
    _by_facts("mounts", "Mounts", mount_facts),
    _by_facts("rootfs", "Root filesystem", rootfs_facts),
    _by_facts("volumes", "Volumes", volume_facts),
    _by_facts("networks", "Networks and ports", network_facts),
    _by_paths("spec", "Runtime specification"),
    _by_paths("config", "Podman configuration"),
)


def _without_own_id(sections: Sections) -> Sections:
    """Return the sections without the container's ID in paths, which all would differ else."""
    container_id = sections.get("summary", {}).get("container_id")
    if not container_id:
        return sections
    return {
        name: _without(data, container_id) if name in _WITH_IDS else data
        for name, data in sections.items()
    }


def _without(value: Any, container_id: str) -> Any:
    if isinstance(value, str):
        return value if value == container_id else value.replace(container_id, _ID)
    if isinstance(value, list):
        return [_without(part, container_id) for part in value]
    if isinstance(value, dict):
        return {key: _without(part, container_id) for key, part in value.items()}
    return value
