"""Compare the versions of tools, which nodes tell as they like."""

from __future__ import annotations

# More digits has no version; and int() refuses, or takes long, for thousands of them.
_MOST_DIGITS = 9


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the numbers between the dots, without what is none; never raises."""
    # Not isdigit(): it takes "²", which int() does not.
    return tuple(int(part[:_MOST_DIGITS]) for part in version.split(".") if part.isdecimal())
