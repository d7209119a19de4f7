"""Show what a memory search found: as text, and byte by byte."""

from __future__ import annotations

from itertools import groupby

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from nodes.catalog.hexdump import HexLine, printable
from nodes.catalog.memory_search import Hit

register = template.Library()


@register.filter
def hit_text(hit: Hit) -> SafeString:
    """Return the hit between what stands before and after it, with the hit marked."""
    parts = (_readable(raw, hit.encoding) for raw in (hit.before, hit.match, hit.after))
    return format_html(
        '<span class="muted">{}</span><mark>{}</mark><span class="muted">{}</span>', *parts
    )


def _readable(raw: bytes, encoding: str) -> str:
    # A character that is cut in two is no more readable than a byte that is none.
    return printable(raw.decode(encoding, "replace").replace("\ufffd", "\0"))


@register.filter
def hit_bytes(hit: Hit) -> SafeString:
    """Return a hex dump of it, with the hit marked."""
    return format_html_join("\n", "{}  {}  {}", (_line(line) for line in hit.lines))


def _line(line: HexLine) -> tuple[str, SafeString, SafeString]:
    cells = [
        (byte.hex, byte.sign, byte.found) if byte else ("  ", " ", False) for byte in line.bytes
    ]
    # Neighbours are marked together, with the space between them.
    runs = [(found, list(run)) for found, run in groupby(cells, key=lambda cell: cell[2])]
    numbers = [(" ".join(cell[0] for cell in run), found) for found, run in runs]
    signs = [("".join(cell[1] for cell in run), found) for found, run in runs]
    return f"{line.address:016x}", _with_marks(numbers, " "), _with_marks(signs, "")


def _with_marks(runs: list[tuple[str, bool]], between: str) -> SafeString:
    shown = (format_html("<mark>{}</mark>" if found else "{}", text) for text, found in runs)
    return format_html_join(between, "{}", ((run,) for run in shown))
