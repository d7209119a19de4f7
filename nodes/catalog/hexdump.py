"""Show bytes as a hex dump does: sixteen a line, each beside the sign that it may stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

_LINE_BYTES: Final = 16
_NO_SIGN: Final = "·"


class HexByte(NamedTuple):
    hex: str
    sign: str
    # Whether it is part of what was looked for.
    found: bool


@dataclass(frozen=True, kw_only=True)
class HexLine:
    """``address`` is that of its first place, a multiple of sixteen; None where no byte is."""

    address: int
    bytes: tuple[HexByte | None, ...]

    @property
    def text(self) -> str:
        """Return the line as plain text: address, numbers, signs."""
        numbers = " ".join(byte.hex if byte else "  " for byte in self.bytes)
        signs = "".join(byte.sign if byte else " " for byte in self.bytes)
        return f"{self.address:016x}  {numbers}  {signs}"


def hex_lines(address: int, before: bytes, found: bytes, after: bytes) -> list[HexLine]:
    """Return the lines of what was found at an address, with what is around it."""
    data = before + found + after
    start = address - len(before)
    first = start - start % _LINE_BYTES
    marked = range(len(before), len(before) + len(found))

    def byte(place: int) -> HexByte | None:
        at = place - start
        if not 0 <= at < len(data):
            return None
        return HexByte(f"{data[at]:02x}", printable(chr(data[at])), at in marked)

    return [
        HexLine(address=line, bytes=tuple(byte(line + column) for column in range(_LINE_BYTES)))
        for line in range(first, start + len(data), _LINE_BYTES)
    ]


def printable(text: str) -> str:
    """Return a text with a dot for each character that cannot be seen."""
    return "".join(character if character.isprintable() else _NO_SIGN for character in text)
