"""A report and a phase that remember what they were told."""

from __future__ import annotations

from typing import Any


class Told:
    """Listen as operations.report.Report and Phase do, to what a transfer says."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.progressed: list[tuple[int, int | None]] = []
        self.legs: dict[str, list[dict[str, Any]]] = {}

    async def log(self, message: str, *, level: str = "info", phase: str = "") -> None:
        self.lines.append(message)

    async def progress(self, done_bytes: int, total_bytes: int | None) -> None:
        self.progressed.append((done_bytes, total_bytes))

    async def leg(self, name: str, figures: dict[str, Any]) -> None:
        self.legs.setdefault(name, []).append(figures)

    def notes(self, leg: str) -> list[str]:
        """Return what was noted at a leg, in the order of its first mention."""
        return list(dict.fromkeys(figures["note"] for figures in self.legs[leg]))
