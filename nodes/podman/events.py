"""Read the lines of `podman events --format json`."""

from __future__ import annotations

import json

# They come with every health check and every exec, and change nothing that is listed.
_IDLE = {"exec", "exec_died", "health_status", "attach"}


def changes_containers(line: str) -> bool:
    """Tell whether an event can change the list of containers; what is not understood can."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return True
    if not isinstance(event, dict):
        return True
    return event.get("Type", "container") in ("container", "pod") and (
        str(event.get("Status")) not in _IDLE
    )
