"""Strike one migration: hold it at its moment, let the fault happen, see how it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.faults import evidence
from tests.faults.faults import Fault, Scene
from tests.faults.ground import Ground
from tests.faults.holds import Hold, Narrow
from tests.faults.moments import UNHARMED, Moment
from tests.faults.verdict import Before, judge
from tests.lab import Host

_HOLD_S = 30.0
# The site sees that a node is back within its longest pause (nodes/inventory/watcher.py), and
# tidies up a few seconds later.
_TIDIED_WITHIN_S = 45.0
_SOME_BYTES = 512 * 1024
# $1 container, $2 volume, $3 staging. Not by force: what runs is not what was left.
_REMOVE = """
podman container exists "$1" && podman rm "$1"
podman volume exists "$2" && podman volume rm "$2"
rm -rf "$3"
rmdir /var/lib/ferry 2>/dev/null
exit 0
"""
MOVED, BACK, UNKNOWN, BROKEN = "✓", "↩", "?", "✗"


class Missed(Exception):
    """The fault did not fall into its phase: an error of the harness, to be repeated."""


@dataclass(kw_only=True)
class Outcome:
    """How one cell ended; ``problems`` is empty when nothing was lost and every word was true."""

    moment: str
    fault: str
    mark: str
    seconds: float
    problems: list[str] = field(default_factory=list)
    operation: dict[str, Any] = field(default_factory=dict)
    # As the operation was before a way back was taken.
    ended: dict[str, Any] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        found: list[str] = self.operation.get("result", {}).get("warnings", [])
        return found


def run_cell(
    ground: Ground, container: str, moment: Moment, fault: Fault, *, proving: bool = True
) -> Outcome:
    """Move the container away from where it is, struck once; then, ``proving``, unharmed.

    Raises Missed.
    """
    began = time.monotonic()
    source = place_of(ground, container)
    destination = ground.other(source)
    if moment.name == "image":
        destination.run(["podman", "rmi", "--force", "--ignore", "localhost/ferry-counter:latest"])
    hold = moment.hold(source, destination, fault.side)
    hold.close()
    try:
        operation_id = ground.start_migration(container, source, destination)
        scene = Scene(
            ground=ground,
            container=container,
            source=source,
            destination=destination,
            operation_id=operation_id,
        )
        before = _strike(scene, moment, fault, hold)
        operation = ground.wait_for_end(operation_id)
    finally:
        hold.open()
    outcome = _end(scene, before, moment, fault, operation)
    if proving and not outcome.problems:
        outcome.problems += prove(ground, container)
    ground.drop_archives()
    outcome.seconds = time.monotonic() - began
    return outcome


def place_of(ground: Ground, name: str) -> Host:
    """Return the host on which the container's program runs."""
    hosts = ground.hosts.values()
    found = [host for host in hosts if evidence.programs(host, ground.containers[name])]
    assert len(found) == 1, f"{name} runs on {[host.name for host in found]}"
    return found[0]


def _strike(scene: Scene, moment: Moment, fault: Fault, hold: Hold) -> Before:
    if not hold.wait(_HOLD_S):
        operation = scene.ground.operation(scene.operation_id)
        raise Missed(f"nothing came to be held: {operation['state']} {operation['error']}")
    _require_phase(scene, moment, hold)
    container_id = scene.ground.containers[scene.container]
    counted = evidence.last_count(scene.source, container_id)
    if counted is None:
        raise Missed("the container has said nothing yet")
    struck_at = datetime.now(UTC)
    fault.strike(scene)
    hold.open()
    fault.then(scene)
    _require_struck(scene, moment, struck_at)
    return Before(counted=counted)


def _require_phase(scene: Scene, moment: Moment, hold: Hold) -> None:
    """Wait until the operation itself says that it is in the phase. Raises Missed."""
    deadline = time.monotonic() + _HOLD_S
    while time.monotonic() < deadline:
        operation = scene.ground.operation(scene.operation_id)
        phases = {phase["name"]: phase for phase in operation["phases"]}
        phase = phases[moment.phase]
        if phase["state"] not in ("pending", "running"):
            raise Missed(f"{moment.phase} was over before it was struck")
        flows = not isinstance(hold, Narrow) or (
            (phase["bytes"] or 0) >= _SOME_BYTES and phases["checkpoint"]["state"] == "succeeded"
        )
        if phase["state"] == "running" and flows:
            return
        time.sleep(0.02)
    raise Missed(f"{moment.phase} did not begin: {operation['state']} {operation['error']}")


def _require_struck(scene: Scene, moment: Moment, struck_at: datetime) -> None:
    operation = scene.ground.operation(scene.operation_id)
    (phase,) = (phase for phase in operation["phases"] if phase["name"] == moment.phase)
    ended = phase["ended_at"] and datetime.fromisoformat(phase["ended_at"])
    if ended and ended < struck_at:
        raise Missed(f"{moment.phase} had ended at {ended}, and was struck at {struck_at}")


def _end(
    scene: Scene, before: Before, moment: Moment, fault: Fault, operation: dict[str, Any]
) -> Outcome:
    ended = operation
    if ended["state"] == "unknown" and _offers(ended, fault.way_back):
        operation = _take(scene, fault.way_back, assured=True)
    fault.mend(scene)
    lies = _unknown_words(scene, ended) if ended["state"] == "unknown" else []
    if operation["state"] == "unknown":
        operation = _take(scene, "look-again", assured=False)
    elif operation["state"] == "failed" and _offers(operation, "source"):
        # Nothing but the trouble on the source kept it from coming back.
        operation = _take(scene, "source", assured=False)
    if moment.committed and fault.kills_destination:
        _restore_from_catalog(scene, operation)
    problems = lies + _judge_patiently(scene, before, moment, operation)
    fault.tidy(scene)
    _remove_as_told(scene, operation)
    moved = operation["state"] == "succeeded"
    return Outcome(
        moment=moment.name,
        fault=fault.name,
        mark=UNKNOWN if ended is not operation else MOVED if moved else BACK,
        seconds=0.0,
        problems=problems,
        operation=operation,
        ended=ended,
        events=scene.ground.events(scene.operation_id),
    )


def _remove_as_told(scene: Scene, operation: dict[str, Any]) -> None:
    """Do by hand what a warning asks for: remove what the site could not remove any more."""
    told = "\n".join(operation["result"].get("warnings", []))
    for host in scene.ground.hosts.values():
        if f"left on {host.name}" in told:
            container_id = scene.ground.containers[scene.container]
            volume, folder = f"{scene.container}-data", f"/var/lib/ferry/{scene.operation_id}"
            host.run(["sh", "-c", _REMOVE, "remove", container_id, volume, folder])


def _offers(operation: dict[str, Any], way: str) -> bool:
    return way in {each["way"] for each in operation["ways_back"]}


def _judge_patiently(
    scene: Scene, before: Before, moment: Moment, operation: dict[str, Any]
) -> list[str]:
    """Judge once the site has had the time to tidy up on a node that answers again.

    What must never be, not for a moment, is judged at once.
    """
    problems = judge(scene, before, moment, operation)
    deadline = time.monotonic() + _TIDIED_WITHIN_S
    while problems and "programs by host" not in problems[0] and time.monotonic() < deadline:
        time.sleep(1)
        problems = judge(scene, before, moment, operation)
    return problems


def _take(scene: Scene, way: str, *, assured: bool) -> dict[str, Any]:
    wanted = {"way": way, "assured": assured}
    answer = scene.ground.api.post(f"/operations/{scene.operation_id}/way-back", json=wanted)
    assert answer.status_code == 202, answer.text
    return scene.ground.wait_for_end(scene.operation_id)


def _unknown_words(scene: Scene, ended: dict[str, Any]) -> list[str]:
    """An operation that ended unknown names the node that does not answer, and what to do."""
    error = ended["error"] or {}
    told = " ".join(str(error.get(part, "")) for part in ("message", "cause"))
    names = [host.name for host in (scene.source, scene.destination)]
    if any(name in told for name in names) and error.get("remedy") and ended["ways_back"]:
        return []
    return [f"unknown, but it does not say of what or what to do: {error}"]


def _restore_from_catalog(scene: Scene, operation: dict[str, Any]) -> None:
    """Its host died under it after the commit: what is left of it is the archive."""
    wanted = {
        "kind": "restore",
        "archive": operation["result"]["archive_id"],
        "node": scene.destination.name,
        # Its volume outlived the host, and is newer than the one in the archive.
        "options": {"replace": True, "ignore_volumes": True},
    }
    scene.ground.refresh(scene.destination)
    answer = scene.ground.api.post("/operations", json=wanted)
    assert answer.status_code == 202, answer.text
    restored = scene.ground.wait_for_end(int(answer.json()["id"]))
    assert restored["state"] == "succeeded", restored


def prove(ground: Ground, container: str) -> list[str]:
    """Move the container unharmed; return what is wrong with that."""
    source = place_of(ground, container)
    scene = Scene(
        ground=ground,
        container=container,
        source=source,
        destination=ground.other(source),
        operation_id=0,
    )
    counted = evidence.last_count(source, ground.containers[container])
    assert counted is not None
    scene.operation_id = ground.start_migration(container, source, scene.destination)
    operation = ground.wait_for_end(scene.operation_id)
    if operation["state"] != "succeeded":
        return [f"the next migration did not succeed: {operation['state']} {operation['error']}"]
    found = _judge_patiently(scene, Before(counted=counted), UNHARMED, operation)
    return [f"after the next migration: {problem}" for problem in found]
