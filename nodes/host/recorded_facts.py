"""Facts of a host as an archive's row keeps them: what it was made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nodes.host.facts import HostFacts
from nodes.podman.info import HostInfo

# By the annotation of a field: what stands for "nobody wrote it down".
_UNKNOWN: dict[str, Any] = {
    "str": "",
    "int": 0,
    "float": 0.0,
    "bool": False,
    "frozenset[str]": frozenset(),
    "Mapping[str, bool]": {},
}


def recorded_facts(values: Mapping[str, Any]) -> HostFacts:
    """Return what HostFacts.as_dict once wrote; what it did not write is empty."""
    return HostFacts(
        info=HostInfo(**_filled(HostInfo, values)), **_filled(HostFacts, values, leave={"info"})
    )


def _filled(
    cls: type[Any], values: Mapping[str, Any], leave: frozenset[str] | set[str] = frozenset()
) -> dict[str, Any]:
    filled = {}
    for field in fields(cls):
        if field.name in leave:
            continue
        unknown = _UNKNOWN.get(str(field.type), ())
        value = values.get(field.name, unknown)
        filled[field.name] = frozenset(value) if isinstance(unknown, frozenset) else value
    return filled
