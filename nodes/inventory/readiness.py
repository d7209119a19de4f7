"""Look at a host once, and say why it cannot be used where it cannot."""

from __future__ import annotations

import secrets
import time

from nodes.host.facts import HostFacts
from nodes.host.probe import parse_probe, probe_argv
from nodes.host.read_facts import parse_facts
from nodes.problem import FerryError
from nodes.ssh.session import NodeSession

# The commands of the probe have limits of their own: even where every one of them hangs, their
# answers are here before this.
_PROBE_TIMEOUT_S = 400.0


class PodmanMissing(FerryError):
    code = "podman_missing"

    def __init__(self, node: str) -> None:
        super().__init__(
            f"Podman is not installed on {node}.",
            cause="The command `podman` was not found there.",
            remedy=(
                "Prepare the node, or install it by hand: `apt-get install podman criu` on Debian "
                "and Ubuntu, `dnf install podman criu` on Fedora and RHEL."
            ),
        )


class PodmanFailed(FerryError):
    code = "podman_failed"

    def __init__(self, node: str, said: str) -> None:
        super().__init__(
            f"Podman does not answer on {node}.",
            cause=said,
            remedy="Run `podman info` on the host and mend what it complains about.",
        )


async def probe_host(session: NodeSession) -> HostFacts:
    """Ask a host everything about itself in one round trip, with or without Podman.

    Raises UnreadableAnswer and what NodeSession.run raises.
    """
    mark = f"ferry-{secrets.token_hex(8)}"
    asked_at = time.time()
    done = await session.run(probe_argv(mark), timeout_s=_PROBE_TIMEOUT_S)
    heard_at = time.time()
    return parse_facts(parse_probe(done.stdout, mark), asked_at=asked_at, heard_at=heard_at)


def require_podman(node: str, facts: HostFacts) -> None:
    """Raise PodmanMissing or PodmanFailed where Podman does not answer."""
    if not facts.has_podman:
        raise PodmanMissing(node)
    if facts.podman_problem:
        raise PodmanFailed(node, facts.podman_problem)


async def read_host_facts(session: NodeSession) -> HostFacts:
    """Ask a host whose Podman must answer. Raises as probe_host and require_podman do."""
    facts = await probe_host(session)
    require_podman(session.name, facts)
    return facts
