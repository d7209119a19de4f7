"""The options with which a preflight would pass, to be chosen at the press of a button."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodes.finding import Finding
from nodes.forms.restore import CLOSE, ESTABLISHED

# Options that are one choice in the dialog.
_CHOICES = {"tcp_established": ("tcp", ESTABLISHED), "tcp_close": ("tcp", CLOSE)}


@dataclass(frozen=True, kw_only=True)
class Offer:
    """``field`` and ``value`` are those of the input that stands for the option."""

    option: str
    field: str
    value: str


def offers_of(findings: Iterable[Finding], fields: Iterable[str]) -> list[Offer]:
    """Return an offer for each option that a finding asks for and a form with ``fields`` has."""
    known = set(fields)
    wanted = {
        name: _CHOICES[name] if name in _CHOICES and "tcp" in known else (name, "on")
        for finding in findings
        for name, value in finding.options.items()
        if value is True
    }
    return [
        Offer(option=name, field=field, value=value)
        for name, (field, value) in wanted.items()
        if field in known
    ]
