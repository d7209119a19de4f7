"""Read the JSON that --print-stats adds to checkpoint and restore (microseconds, field note 15)."""

from __future__ import annotations

import json
import re
from typing import Any

_MICRO = 1e-6


def parse_statistics(stdout: str) -> dict[str, float]:
    """Return durations in seconds (``…_s``) and counts of pages; {} if there is no JSON."""
    start = stdout.find("{")
    if start < 0:
        return {}
    try:
        document = json.loads(stdout[start:])
    except json.JSONDecodeError:
        return {}
    figures: dict[str, float] = {}
    _collect(document, figures)
    for container in document.get("container_statistics") or []:
        _collect(container, figures)
        _collect(container.get("criu_statistics") or {}, figures)
    return figures


def restored_id(stdout: str) -> str:
    """Return the ID of the container that a restore has brought back, "" if it does not say."""
    found = re.search(r'"Id":\s*"([0-9a-f]{64})"', stdout)
    return found.group(1) if found else ""


def _collect(source: dict[str, Any], into: dict[str, float]) -> None:
    for name, value in source.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            continue
        if name.startswith("pages_"):
            into[name] = value
        else:
            into[f"{name}_s"] = value * _MICRO
