"""Run the fault matrix, or some of its cells, and print it: `make faults`.

ONLY=MOMENT/FAULT picks cells; either half may be left out: transfer/, /cancel.
"""

from __future__ import annotations

import argparse
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack

from tests.faults.cell import BROKEN, Missed, Outcome, run_cell
from tests.faults.faults import FAULTS, Fault
from tests.faults.ground import Ground, open_ground
from tests.faults.keep import RESULTS, keep_evidence
from tests.faults.moments import MOMENTS, Moment
from tests.faults.scaled_ground import open_scaled_ground
from tests.faults.table import as_document, as_text
from tests.serving import ROOT

DOCUMENT = ROOT / "docs" / "fault-matrix.md"
BY_HAND = "## Beside the matrix"
CONTAINER = "counter"
MEMORY_MIB = 16
PORT = 8081
TRIES = 3

Cell = tuple[Moment, Fault]


def cells(picks: Sequence[str] = ()) -> list[Cell]:
    """Return the cells that mean something and that one of the picks names; all without any."""
    return [
        (moment, fault)
        for fault in FAULTS
        for moment in MOMENTS
        if moment.name in fault.moments and _is_picked(moment, fault, picks)
    ]


def _is_picked(moment: Moment, fault: Fault, picks: Sequence[str]) -> bool:
    if not picks:
        return True
    for pick in picks:
        wanted_moment, _, wanted_fault = pick.partition("/")
        if wanted_moment in ("", moment.name) and wanted_fault in ("", fault.name):
            return True
    return False


def make_ready(ground: Ground) -> None:
    """Begin anew with a fresh container on the first host."""
    ground.wipe_hosts()
    ground.start_container(
        CONTAINER, next(iter(ground.hosts.values())), memory_mib=MEMORY_MIB, port=PORT
    )


def try_cell(ground: Ground, moment: Moment, fault: Fault) -> Outcome:
    """Run a cell, again when its fault missed; whatever goes wrong is its outcome."""
    began = time.monotonic()
    why = ""
    for _ in range(TRIES):
        try:
            if CONTAINER not in ground.containers:
                make_ready(ground)
            outcome = run_cell(ground, CONTAINER, moment, fault)
            if outcome.problems:
                outcome.mark = BROKEN
            return outcome
        except Missed as missed:
            why = f"the fault missed its phase: {missed}"
            ground.containers.clear()
        except Exception:
            why = traceback.format_exc()
            break
    seconds = time.monotonic() - began
    return Outcome(
        moment=moment.name, fault=fault.name, mark=BROKEN, seconds=seconds, problems=[why]
    )


def run_all(grounds: Sequence[Ground], wanted: Iterable[Cell]) -> Iterator[Outcome]:
    """Run the cells on all the grounds at once, and yield each outcome as it comes."""
    waiting: queue.SimpleQueue[Cell] = queue.SimpleQueue()
    for cell in wanted:
        waiting.put(cell)
    done: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()

    def work(ground: Ground) -> None:
        try:
            while True:
                try:
                    moment, fault = waiting.get_nowait()
                except queue.Empty:
                    return
                outcome = try_cell(ground, moment, fault)
                if outcome.problems:
                    outcome.problems.append(f"evidence: {keep_evidence(ground, outcome)}")
                    ground.set_right()
                done.put(outcome)
        finally:
            done.put(None)

    threads = [threading.Thread(target=work, args=[ground], daemon=True) for ground in grounds]
    for thread in threads:
        thread.start()
    for _ in threads:
        while (outcome := done.get()) is not None:
            yield outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", nargs="*", help="MOMENT/FAULT, either half may be left out")
    parser.add_argument("--instances", default="faults,faultsb", help="labs to use at once")
    parser.add_argument("--list", action="store_true", help="say which cells there are")
    arguments = parser.parse_args()
    wanted = cells(arguments.cells)
    if arguments.list:
        print("\n".join(f"{moment.name}/{fault.name}" for moment, fault in wanted))
        return 0
    # So that what was started is taken down, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    outcomes: list[Outcome] = []
    versions = ""
    for ground, at_scale in ((open_ground, False), (open_scaled_ground, True)):
        part = [cell for cell in wanted if cell[1].at_scale is at_scale]
        with ExitStack() as stack:
            names = arguments.instances.split(",")[: len(part)]
            grounds = [stack.enter_context(ground(name, RESULTS / name)) for name in names]
            for outcome in run_all(grounds, part):
                outcomes.append(outcome)
                versions = versions or grounds[0].versions()
                print(f"{len(outcomes):3}/{len(wanted)} {_line(outcome)}", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(as_text(outcomes), f"{len(outcomes)} cells in {minutes:.0f} min", sep="\n")
    if not arguments.cells:
        kept = _written_by_hand()
        document = as_document(outcomes, minutes=minutes, versions=versions)
        DOCUMENT.write_text(f"{document}\n{kept}")
    return 1 if any(outcome.mark == BROKEN for outcome in outcomes) else 0


def _written_by_hand() -> str:
    """Return the part of the document that no run writes anew."""
    _, heading, text = DOCUMENT.read_text().partition(BY_HAND)
    return f"{heading}{text}"


def _line(outcome: Outcome) -> str:
    state = outcome.operation.get("state", "")
    told = "; ".join(outcome.problems + outcome.warnings)
    return f"{outcome.mark} {outcome.moment}/{outcome.fault} {outcome.seconds:.0f} s {state} {told}"


if __name__ == "__main__":
    sys.exit(main())
