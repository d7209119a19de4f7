"""What a live page is about, and what is rendered for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nodes.models.role import Rights

ARCHIVES = "archives"


@dataclass(frozen=True)
class Looked:
    """A node was looked at, and is as it was."""

    node: int


# Nodes' numbers, ARCHIVES, Looked, and None for anything, as a page that has just come needs it.
Changed = set[Any]


@dataclass(frozen=True)
class Topic:
    """Two pages with equal topics show the same.

    There is no user in it, only the rights: nothing that is rendered for it can be one user's.
    """

    group: str
    view: str
    params: tuple[tuple[str, str], ...]
    rights: Rights

    def what_changed(self, ping: Mapping[str, Any]) -> Any:
        if ping["type"] == "archives.changed":
            return ARCHIVES
        if ping["type"] == "fleet.looked":
            return Looked(ping["node"])
        return ping.get("node")


@dataclass(frozen=True)
class Rendering:
    """Parts by names of our own; where there is a frame, it renders with all of its parts.

    ``brief`` are those that every page is told, even one that has the cards already.
    """

    parts: Mapping[str, str]
    frame: Callable[[], str] | None = None
    brief: Collection[str] = ()

    def whole(self) -> str:
        """Return what brings a page up to date of which nothing is known."""
        return self.frame() if self.frame else "".join(self.parts.values())
