"""Judge what a struck migration has left, by the hosts; and whether the site's words are true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.faults import evidence
from tests.faults.evidence import Held
from tests.faults.faults import Scene
from tests.faults.moments import Moment
from tests.lab import CounterReading, Host, LabError

_NOTHING = "Nothing was changed."


@dataclass(frozen=True, kw_only=True)
class Before:
    """What was known of the container before it was struck: ``counted`` is its last word."""

    counted: CounterReading


def judge(scene: Scene, before: Before, moment: Moment, operation: dict[str, Any]) -> list[str]:
    """Return what is wrong, nothing if all is well."""
    container_id = scene.ground.containers[scene.container]
    hosts = (scene.source, scene.destination)
    found = {host.name: len(evidence.programs(host, container_id)) for host in hosts}
    where = [host for host in hosts if found[host.name]]
    if sum(found.values()) != 1:
        return [f"the container's programs by host: {found}"]
    (place,) = where
    problems = _memory(place, container_id, before.counted)
    promised = "\n".join(operation["result"].get("warnings", []))
    for host in hosts:
        problems += _leftovers(scene, host, place, promised)
    problems += evidence.catalog_problems(scene.ground)
    problems += _words(scene, place, moment, operation)
    return problems


def _memory(place: Host, container_id: str, before: CounterReading) -> list[str]:
    try:
        after = evidence.check_memory(place, container_id)
    except LabError as error:
        return [f"it does not count: {error}"]
    problems = []
    if after.nonce != before.nonce:
        problems.append(f"it was started afresh: {before} became {after}")
    if after.errors:
        problems.append(f"its memory is damaged: {after}")
    if after.counter < before.counter:
        problems.append(f"it is behind its checkpoint: {before} became {after}")
    return problems


def _leftovers(scene: Scene, host: Host, place: Host, promised: str) -> list[str]:
    held = evidence.look_at(host)
    ours = {name for name in scene.ground.containers if _is_at(scene, name, host, place)}
    foreign = {name for other, name in scene.foreign if other is host}
    problems = [f"{host.name} {what}" for what in _lasting(held)]
    # What could not be removed after the commit is a warning, which has to say so.
    if f"left on {host.name}" not in promised:
        problems += [f"{host.name} {what}" for what in _things(held, ours, foreign)]
    missing = sorted((ours | foreign) - set(held.containers))
    if missing:
        problems.append(f"{host.name} lacks {missing}")
    if scene.container in ours and scene.container not in held.running:
        problems.append(f"Podman on {host.name} does not know that {scene.container} runs")
    return problems


def _is_at(scene: Scene, name: str, host: Host, place: Host) -> bool:
    if name == scene.container:
        return host is place
    return bool(evidence.programs(host, scene.ground.containers[name]))


def _things(held: Held, ours: set[str], foreign: set[str]) -> list[str]:
    return _told(
        {
            "still has the containers": sorted(set(held.containers) - ours - foreign),
            "still has the volumes": sorted(set(held.volumes) - {f"{name}-data" for name in ours}),
            "still has staging": held.staging.splitlines(),
        }
    )


def _lasting(held: Held) -> list[str]:
    return _told(
        {
            "still runs": held.processes,
            "has folders of containers that Podman does not know": held.unknown_folders,
            "still drops packets": held.packet_rules,
        }
    )


def _told(left: dict[str, list[str]]) -> list[str]:
    return [f"{what}: {things}" for what, things in left.items() if things]


def _words(scene: Scene, place: Host, moment: Moment, operation: dict[str, Any]) -> list[str]:
    """Compare what the operation says with where the container is."""
    state, error = operation["state"], operation["error"] or {}
    message = error.get("message", "")
    result = operation["result"]
    said = f"{state}, {message!r}, rolled_back {result.get('rolled_back')}"
    if state == "succeeded":
        true = place is scene.destination and not message and result["rolled_back"] is False
        return [] if true else [f"it runs on {place.name}, but the operation says {said}"]
    if state not in ("failed", "cancelled"):
        return [f"the operation says {said}"]
    if place is not scene.source:
        return [f"it runs on {place.name}, but the operation says {said}"]
    names_source = f"stayed on {scene.source.name} and runs" in message
    problems = []
    if names_source and result["rolled_back"] is not True:
        problems.append(f"it was brought back, but the operation says {said}")
    if moment.frozen and not names_source:
        problems.append(f"it had been checkpointed, but the operation says {said}")
    if not names_source and (_NOTHING in message) is result["rolled_back"]:
        problems.append(f"nobody can tell from this where the container is: {said}")
    if not error.get("remedy"):
        problems.append(f"it says nothing of what to do: {said}")
    return problems
