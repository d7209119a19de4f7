"""The matrix as a table: moments across, faults down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tests.faults.cell import Outcome
from tests.faults.faults import FAULTS, Fault
from tests.faults.moments import MOMENTS

_HEAD = """\
# The fault matrix

Each cell is one migration between two real hosts (sshd, Podman, CRIU), held in one of its phases
until it was struck there. It was judged on the hosts themselves, never by the database:

- the container's program runs **once**, as the kernel counts it; it has its nonce, which lies in
  its memory alone; all of its memory checks right; its count is not behind what it last said before
  it was frozen;
- nowhere is there a container, volume, staging folder, unpacked memory, process or packet rule that
  should not be there; the catalog has no file without a row and no row without its file;
- what the operation says is true: its state, where the container is, what to do;
- then it is moved once more, unharmed, which shows that nothing is locked.

`make faults` runs all of it and writes this page; `make faults ONLY=transfer/site-killed` runs one
cell, `ONLY=/cancel` one line, `ONLY=transfer/` one column. Its core is part of `make test`.

| sign | means |
|---|---|
| ✓ | it was moved all the same |
| ↩ | it went on on the source, memory intact |
| ? | the operation said that nobody knew, or that it could not bring it back yet; the way back \
that it offered was taken, and worked |
| – | means nothing: see below |
| ✗ | something was lost, left behind or untrue |

Seconds are those of the whole cell, with the looks at the hosts and the second migration.
"""
_NOTE_CHARS = 160
_SETTINGS = """\
A lost connection was waited for 4 s, a silent node asked for 6 s, and a restore might take 40 s,
instead of 20 s, 60 s and half an hour. What was
cut or full "for good" was mended when the operation had ended; a host that was killed was booted
when the way back had been taken.
"""


def as_text(outcomes: Sequence[Outcome]) -> str:
    """Return it for a terminal."""
    faults = _faults_of(outcomes)
    wide = max((len(fault.says) for fault in faults), default=0)
    lines = [" " * wide + " " + " ".join(f"{moment.name:>10}" for moment in MOMENTS)]
    for fault in faults:
        cells = " ".join(f"{cell:>10}" for cell in _cells(outcomes, fault))
        lines.append(f"{fault.says:<{wide}} {cells}")
    return "\n".join(lines)


def as_document(outcomes: Sequence[Outcome], *, minutes: float, versions: str) -> str:
    """Return docs/fault-matrix.md."""
    counts = {mark: sum(outcome.mark == mark for outcome in outcomes) for mark in "✓↩?✗"}
    figures = ", ".join(f"{mark} {count}" for mark, count in counts.items())
    day = datetime.now(UTC).date().isoformat()
    parts = [
        _HEAD,
        f"Run on {day} in {minutes:.0f} min: {len(outcomes)} cells, {figures}. {versions}.",
        _SETTINGS,
        _table(outcomes),
        "## When it is struck\n",
        "\n".join(f"- **{moment.name}**: {moment.says}" for moment in MOMENTS),
        "\n## What means nothing\n",
        "\n".join(
            f"- *{fault.says}*: {fault.otherwise}"
            for fault in _faults_of(outcomes)
            if fault.otherwise
        ),
        *_notes(outcomes),
    ]
    return "\n".join(parts) + "\n"


def _table(outcomes: Sequence[Outcome]) -> str:
    head = ["fault", *(moment.name for moment in MOMENTS)]
    lines = [_line(head), _line("---" for _ in head)]
    lines += [_line([fault.says, *_cells(outcomes, fault)]) for fault in _faults_of(outcomes)]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _notes(outcomes: Sequence[Outcome]) -> list[str]:
    warned = [outcome for outcome in outcomes if outcome.warnings]
    broken = [outcome for outcome in outcomes if outcome.mark == "✗"]
    notes = []
    if warned:
        notes.append("\n## Moved, with a warning\n")
        notes += [f"- {_title(each)}: {_short(' '.join(each.warnings))}" for each in warned]
    if broken:
        notes.append("\n## ✗\n")
        notes += [f"- {_title(each)}: {each.problems[0]}" for each in broken]
    return notes


def _short(text: str) -> str:
    return text if len(text) <= _NOTE_CHARS else f"{text[:_NOTE_CHARS]}…"


def _title(outcome: Outcome) -> str:
    return f"*{outcome.moment}, {outcome.fault}*"


def _faults_of(outcomes: Sequence[Outcome]) -> list[Fault]:
    found = {outcome.fault for outcome in outcomes}
    return [fault for fault in FAULTS if fault.name in found]


def _cells(outcomes: Sequence[Outcome], fault: Fault) -> list[str]:
    by_moment = {outcome.moment: outcome for outcome in outcomes if outcome.fault == fault.name}
    return [
        f"{found.mark} {found.seconds:.0f} s" if (found := by_moment.get(moment.name)) else "–"
        for moment in MOMENTS
    ]
