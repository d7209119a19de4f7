"""Plan what makes a host ready: packages to install, keys to set; nothing is done here."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nodes.host.containers_conf import EditRefused, read_keys, set_keys
from nodes.host.facts import HostFacts
from nodes.host.packages import Command, install_commands, missing_packages
from nodes.host.probe import CONTAINERS_CONF
from nodes.host.wanted import CGROUP_MANAGER, RUNTIME, WANTED

# "Considerations in adopting RHEL 10": the package is gone.
_EL10 = "platform:el10"
_NEW_FILE = "# Made by Ferry: what CRIU needs of Podman. See containers.conf(5).\n"


class PreparationImpossible(ValueError):
    """The host cannot be prepared from here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class FileEdit:
    """One file as it is and as it will be; None stands for no file."""

    path: str
    before: str | None
    after: str | None
    # The keys that are set, with what they were: None where they were not there.
    previous: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """Return what changes in a word, without the lines around it, which may be private."""
        was, will = read_keys(self.before or ""), read_keys(self.after or "")
        return ", ".join(
            f"{key} {was.get(key, 'unset')} → {will.get(key, 'unset')}"
            for key in WANTED
            if was.get(key) != will.get(key)
        )

    @property
    def diff(self) -> str:
        """Return the change as `diff -u` shows it."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(),
            (self.after or "").splitlines(),
            "/dev/null" if self.before is None else self.path,
            "/dev/null" if self.after is None else self.path,
            lineterm="",
        )
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """All that is to be done on a host, in order; ``digest`` names exactly this."""

    packages: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()
    edits: tuple[FileEdit, ...] = ()

    @property
    def keys(self) -> dict[str, list[str]]:
        """Return the keys that are to be set, by the path of their file."""
        return {edit.path: list(edit.previous) for edit in self.edits}

    @property
    def is_empty(self) -> bool:
        return not self.commands and not self.edits

    @property
    def digest(self) -> str:
        """Return the same text for the same changes, so that what was shown is what is done."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        return {
            "packages": list(self.packages),
            "commands": [list(command.argv) for command in self.commands],
            "edits": [{"path": edit.path, "diff": edit.diff} for edit in self.edits],
        }


def plan_preparation(facts: HostFacts) -> Preparation:
    """Return what is missing on the host. Raises PreparationImpossible."""
    if facts.info.rootless or facts.uid != 0:
        raise PreparationImpossible("Ferry has no root rights on the node.")
    packages = missing_packages(facts)
    if "runc" in packages and _EL10 in facts.distribution_ids:
        raise PreparationImpossible(
            "Red Hat has removed runc from this release: bring a runc to the node by hand."
        )
    if packages and not facts.package_manager:
        raise PreparationImpossible(
            f"The node has neither apt-get nor dnf: install by hand {', '.join(packages)}."
        )
    try:
        edits = _edits(facts)
    except EditRefused as refused:
        raise PreparationImpossible(f"The configuration cannot be merged: {refused}.") from refused
    return Preparation(
        packages=packages,
        commands=install_commands(facts.package_manager, packages),
        edits=edits,
    )


def merged_edits(facts: HostFacts, planned: Mapping[str, Sequence[str]]) -> tuple[FileEdit, ...]:
    """Return the edits that set the planned keys, by path, in the files as they are now.

    A package may have brought a file along since the plan was made. Raises EditRefused.
    """
    texts = {file.path: file.text for file in facts.config_files}
    return tuple(
        FileEdit(
            path=path,
            before=texts.get(path),
            after=set_keys(texts.get(path, _NEW_FILE), {key: WANTED[key] for key in keys}),
            previous={key: read_keys(texts.get(path, "")).get(key) for key in keys},
        )
        for path, keys in planned.items()
    )


def _edits(facts: HostFacts) -> tuple[FileEdit, ...]:
    texts = {file.path: file.text for file in facts.config_files}
    keys = {path: read_keys(text) for path, text in texts.items()}
    answered = {RUNTIME: facts.info.runtime, CGROUP_MANAGER: facts.info.cgroup_manager}
    planned: dict[str, list[str]] = {}
    for key, value in WANTED.items():
        # Of two files that set a key the later wins: containers.conf(5).
        setting = [path for path in texts if key in keys[path]]
        found = keys[setting[-1]][key] if setting else ""
        # What Podman itself says counts, for it knows its own defaults too. Where it goes by
        # something else than these files, as a variable of its environment, they change nothing.
        if value not in (answered[key] or found, found):
            planned.setdefault(setting[-1] if setting else CONTAINERS_CONF, []).append(key)
    return merged_edits(facts, planned)
