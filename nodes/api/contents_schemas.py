"""What calls about the contents of an archive take and answer."""

from __future__ import annotations

from typing import Any

from ninja import Field, Schema
from pydantic import ConfigDict


class ContentsOut(Schema):
    """``state``: unread, read, unreadable; ``problem`` says why it could not be read."""

    state: str
    problem: str
    sections: dict[str, Any]


class ProcessIn(Schema):
    model_config = ConfigDict(extra="forbid")

    pid: int = Field(ge=1, lt=2**31)


class VariableOut(Schema):
    """``cut_bytes``: how much of name and value is not here."""

    name: str
    value: str
    cut_bytes: int


class EnvironmentOut(Schema):
    """``left_out``: how many variables there are beside these."""

    pid: int
    variables: list[VariableOut]
    left_out: int


class MemorySearchIn(ProcessIn):
    pattern: str = Field(min_length=1, max_length=1000)
    is_regex: bool = False
    ignore_case: bool = False
    context_bytes: int = Field(48, ge=0, le=1024)
    most_hits: int = Field(200, ge=1, le=1000)


class HitOut(Schema):
    """``before``, ``match`` and ``after`` are hexadecimal; ``text`` is the match in words."""

    address: int
    encoding: str
    text: str
    before: str
    match: str
    after: str


class MemorySearchOut(Schema):
    hits: list[HitOut]
    searched_bytes: int
    seconds: float
    # Whether there are more hits, or the time was over before all was searched.
    cut_short: bool
    timed_out: bool


class DifferenceOut(Schema):
    """``change``: added, removed, changed; ``left`` or ``right`` is null where it is not."""

    change: str
    what: str
    left: str | int | None
    right: str | int | None
    unit: str


class SectionComparisonOut(Schema):
    """``left_out``: differences beyond those listed; ``missing``: why nothing was compared."""

    name: str
    title: str
    differences: list[DifferenceOut]
    unchanged: int
    left_out: int
    missing: str


class ComparisonOut(Schema):
    sections: list[SectionComparisonOut]
