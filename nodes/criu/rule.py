"""What a rule of the diagnosis is: its conditions, its explanation, and what may help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nodes.finding import Fix


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Match a failure when every condition that is stated holds.

    ``pattern`` is searched in what CRIU and Podman wrote; in a rule with ``exit_codes`` (those of
    a restored container that ended) it is searched in what the container itself printed.
    ``facts`` are regexes that the whole value of a fact must match. ``cause`` and ``remedy`` may
    name facts in braces. ``options`` are those of a new try, spelled as in MigrationOptions.
    Patterns bound their gaps (``.{0,200}``): evidence comes from nodes and may be hostile.
    """

    id: str
    cause: str
    remedy: str
    # Where the fact is from: a field note, a file of the sources, an issue.
    source: str
    pattern: str = ""
    exit_codes: frozenset[int] = frozenset()
    facts: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    action: Fix = Fix.NONE
