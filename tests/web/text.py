"""What a page says, without HTML's spelling of quotes and the like."""

from __future__ import annotations

from html import unescape
from typing import Any


def text_of(response: Any) -> str:
    return unescape(response.content.decode())
