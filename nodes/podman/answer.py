"""Read Podman's JSON, or say that it is none."""

from __future__ import annotations

import json
from typing import Any

from nodes.problem import FerryError

_SHOWN_CHARS = 200


class UnreadableAnswer(FerryError):
    code = "podman_answer_unreadable"


def parse_json(text: str, command: str) -> Any:
    """Raise UnreadableAnswer; an empty answer is one too, never an empty list."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableAnswer(
            f"`{command}` answered something that is not JSON.",
            cause=text.strip()[:_SHOWN_CHARS] or "the answer was empty",
            remedy="Run the command on the host and look at what it prints.",
        ) from error
