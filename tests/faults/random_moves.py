"""Move several containers back and forth at random, a third of them struck: `make random`.

The seed decides for every move which container, which fault and at which moment: the same seed
asks for the same again. It stops at the first loss and leaves everything as it is to be looked at.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.faults import evidence
from tests.faults.cell import BACK, MOVED, UNKNOWN, Missed, place_of, prove, run_cell
from tests.faults.faults import FAULTS, Fault
from tests.faults.ground import Ground, open_ground
from tests.faults.keep import RESULTS, keep_evidence
from tests.faults.moments import MOMENTS, Moment
from tests.lab import CounterReading

CONTAINERS = {"amber": 8081, "basil": 8082, "cedar": 8083}
MEMORY_MIB = 8
STRUCK_SHARE = 1 / 3
MISSED = "missed"
PLAIN = "unharmed"


class Lost(Exception):
    """Something was lost, left behind or untrue."""


@dataclass(kw_only=True)
class Wanderings:
    """``counted`` is the last that was read of each container."""

    ground: Ground
    seed: int
    moves: int = 0
    tally: Counter[str] = field(default_factory=Counter)
    struck_by: Counter[str] = field(default_factory=Counter)
    counted: dict[str, CounterReading] = field(default_factory=dict)

    def begin(self) -> None:
        """Start the containers, all on the first host."""
        self.ground.wipe_hosts()
        host = next(iter(self.ground.hosts.values()))
        for name, port in CONTAINERS.items():
            self.ground.start_container(name, host, memory_mib=MEMORY_MIB, port=port)
            self.counted[name] = evidence.check_memory(host, self.ground.containers[name])

    def move(self) -> str:
        """Do the next move and say in a line how it ended. Raises Lost."""
        self.moves += 1
        # Of its own for each move: what comes next must not depend on how the last one ended.
        dice = random.Random(f"{self.seed}/{self.moves}")
        name = dice.choice(list(CONTAINERS))
        strike = self._strike(dice, name) if dice.random() < STRUCK_SHARE else None
        began = time.monotonic()
        what = f"{strike[0].name}/{strike[1].name}" if strike else PLAIN
        ended = self._struck(name, *strike) if strike else self._plain(name)
        self.tally[ended] += 1
        self._require_all(what)
        return f"{self.moves:4} {name} {what} {ended} {time.monotonic() - began:.1f} s"

    def _strike(self, dice: random.Random, name: str) -> tuple[Moment, Fault]:
        """Draw what strikes; a fault that would take others' memory along is drawn again."""
        destination = self.ground.other(place_of(self.ground, name))
        others_there = any(
            evidence.programs(destination, container_id)
            for container_id in self.ground.containers.values()
        )
        choices = [
            (moment, fault)
            for fault in FAULTS
            for moment in MOMENTS
            if moment.name in fault.moments and not fault.at_scale
            if not (others_there and _hits_others(moment, fault))
        ]
        return dice.choice(choices)

    def _struck(self, name: str, moment: Moment, fault: Fault) -> str:
        try:
            outcome = run_cell(self.ground, name, moment, fault, proving=False)
        except Missed:
            self.ground.settle()
            return MISSED
        if outcome.problems:
            raise Lost(f"{outcome.problems}\n{keep_evidence(self.ground, outcome)}")
        self.struck_by[fault.name] += 1
        return outcome.mark

    def _plain(self, name: str) -> str:
        problems = prove(self.ground, name)
        self.ground.drop_archives()
        if problems:
            raise Lost(str(problems))
        return MOVED

    def _require_all(self, what: str) -> None:
        """Every container runs once, is the program that it was, and is not behind."""
        for name, container_id in self.ground.containers.items():
            hosts = list(self.ground.hosts.values())
            found = [host for host in hosts if evidence.programs(host, container_id)]
            if len(found) != 1 or len(evidence.programs(found[0], container_id)) != 1:
                raise Lost(f"after {what}: {name} runs on {[host.name for host in found]}")
            now, before = evidence.check_memory(found[0], container_id), self.counted[name]
            if now.nonce != before.nonce or now.errors or now.counter < before.counter:
                raise Lost(f"after {what}: {name} was {before} and is {now}")
            self.counted[name] = now

    def summary(self) -> str:
        struck = sum(self.struck_by.values())
        return (
            f"{self.moves} moves: {self.tally[MOVED]} moved, {self.tally[BACK]} rolled back, "
            f"{self.tally[UNKNOWN]} unknown and brought back by the way offered; {struck} of them "
            f"struck by {len(self.struck_by)} kinds of fault, {self.tally[MISSED]} missed their "
            "phase; nothing lost"
        )


def _hits_others(moment: Moment, fault: Fault) -> bool:
    # An image that others use cannot be taken away, and a host that dies takes all along.
    return fault.kills_destination or moment.name == "image" or fault.name == "image-removed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--instance", default="random")
    arguments = parser.parse_args()
    # So that what was started is taken down, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"seed {arguments.seed}", flush=True)
    began = time.monotonic()
    with open_ground(arguments.instance, RESULTS / arguments.instance) as ground:
        wanderings = Wanderings(ground=ground, seed=arguments.seed)
        wanderings.begin()
        while wanderings.moves < arguments.moves:
            try:
                print(wanderings.move(), flush=True)
            except Exception as error:
                print(f"LOST in move {wanderings.moves}, seed {arguments.seed}: {error}")
                input("The hosts and the site are as they were. Enter takes them down. ")
                return 1
            if wanderings.moves % 10 == 0:
                print(wanderings.summary(), flush=True)
    print(f"{wanderings.summary()}; seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
