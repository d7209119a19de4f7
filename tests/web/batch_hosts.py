"""Fake hosts with containers that differ, and whose preflight passes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from nodes.models import Container, Node
from tests.factories import make_container
from tests.fake_host import FakeHost, recorded

_MIB_IN_KIB = 1024


def podman_id(name: str) -> str:
    return name.encode().hex().ljust(64, "0")[:64]


def add_container(
    host: FakeHost, node: Node, name: str, *, memory_mib: int = 64, port: int = 0, **values: Any
) -> Container:
    """Let the host tell of one more running container, and the site know it."""
    key = podman_id(name)
    inspected = json.loads(recorded("inspect-counter.json"))
    inspected[0].update(Id=key, Name=name, Mounts=[])
    inspected[0]["NetworkSettings"]["Ports"] = (
        {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]} if port else {}
    )
    told = (json.dumps(inspected), "", 0)
    host.answers[f"podman container inspect --size -- {key}"] = told
    top = f"PID  RSS    COMMAND\n1    {memory_mib * _MIB_IN_KIB}  counter\n"
    host.answers[f"podman container top -- {key}"] = (top, "", 0)
    return make_container(node, name, podman_id=key, **values)


def empty(host: FakeHost) -> None:
    """Let the host have no container."""
    host.answers["podman ps"] = ("[]", "", 0)


def has_memory(host: FakeHost, available_mib: int) -> None:
    available = f"MemAvailable: {available_mib * _MIB_IN_KIB} kB"
    host.answers["grep Mem"] = (f"MemTotal: 16777216 kB\n{available}\n", "", 0)


@dataclass
class Fleet:
    """Hosts alder, with containers, and birch and cedar, without any."""

    hosts: dict[str, FakeHost]

    def node(self, name: str) -> Node:
        return Node.objects.get(name=name)

    def add(self, name: str, node: str = "alder", **values: object) -> Container:
        return add_container(self.hosts[node], self.node(node), name, **values)  # type: ignore[arg-type]

    def asked(self, name: str, *words: str) -> int:
        """Count how often a host was asked what begins with these words."""
        commands = self.hosts[name].commands
        return sum(command[: len(words)] == list(words) for command in commands)
