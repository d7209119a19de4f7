"""Ask a node's CRIU whether it works there (field note 12)."""

from __future__ import annotations

import re

LOOKS_GOOD = "Looks good."


def version_argv() -> list[str]:
    return ["criu", "--version"]


def check_argv() -> list[str]:
    return ["criu", "check"]


def parse_version(text: str) -> str:
    """Return "4.2.1" from `criu --version`, "" if there is no version in it."""
    match = re.search(r"Version:\s*(\S+)", text)
    return match.group(1) if match else ""
