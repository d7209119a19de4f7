"""The nodes, in a process of their own: told on its input, by lines of JSON, what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from types import TracebackType
from typing import Any

from tests.fake_host import ServerLoop
from tests.simulated_host import SimulatedHost


class Simulator:
    """The benchmark's end of it."""

    def __init__(self, nodes: int, containers: int, public_key: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fleet.simulator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hosts: list[dict[str, Any]] = self._ask(
            {"nodes": nodes, "containers": containers, "key": public_key}
        )

    def __enter__(self) -> Simulator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def flip(self, node: int, container: int) -> None:
        self._ask({"flip": [node, container]})

    def commands(self) -> Counter[str]:
        """Return how often each command was asked, of all nodes together."""
        return Counter(self._ask({"commands": True}))

    def _ask(self, what: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _serve() -> None:
    loop = ServerLoop()
    hosts: list[SimulatedHost] = []
    for line in sys.stdin:
        asked = json.loads(line)
        if "flip" in asked:
            node, container = asked["flip"]
            answer: Any = hosts[node].flip(container)
        elif "commands" in asked:
            answer = Counter(_name(argv) for host in hosts for argv in host.commands)
        else:
            hosts = [_start(loop, number, asked) for number in range(asked["nodes"])]
            answer = [
                {"name": host.name, "port": host.port, "host_key": host.host_key} for host in hosts
            ]
        print(json.dumps(answer), flush=True)


def _start(loop: ServerLoop, number: int, asked: dict[str, Any]) -> SimulatedHost:
    host = SimulatedHost(loop, f"node-{number:03}", asked["containers"])
    host.authorized_keys.append(asked["key"])
    host.start()
    return host


def _name(argv: list[str]) -> str:
    return "probe" if argv[:2] == ["sh", "-c"] else " ".join(argv[:2])


if __name__ == "__main__":
    _serve()
