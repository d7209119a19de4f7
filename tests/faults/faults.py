"""What strikes: each fault, when it is undone, and at which moments it means anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults import host_disk
from tests.faults.ground import Ground
from tests.lab import Host
from tests.lab.images import reference

ALL = frozenset(
    {
        "preflight", "image", "checkpoint", "dumped", "transfer", "restore", "restored", "verify",
        "clean-up",
    }
)  # fmt: skip
BRIEF_S = 2.0
SSHD_AWAY_S = 3.0
# Long enough for a process to hear that it shall stop.
HEARD_S = 0.3


@dataclass(kw_only=True)
class Scene:
    """One container on its way, and who is to be struck."""

    ground: Ground
    container: str
    source: Host
    destination: Host
    operation_id: int
    # Of others, made by the fault, which nobody but the fault may touch: [host, name].
    foreign: list[tuple[Host, str]] = field(default_factory=list)


Act = Callable[[Scene], None]


def nothing(scene: Scene) -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """``strike`` happens while the phase is held; ``then`` when it goes on again.

    ``mend`` comes once the operation has ended, ``tidy`` when everything has been judged.
    ``way_back`` is the way that is taken, if it is offered, when it ended unknown, before ``mend``;
    otherwise it is mended, and the site is to look again.
    """

    name: str
    says: str
    strike: Act
    then: Act = nothing
    mend: Act = nothing
    tidy: Act = nothing
    side: str = "destination"
    way_back: str = ""
    kills_destination: bool = False
    # Of a site in many processes.
    at_scale: bool = False
    moments: frozenset[str] = ALL
    # Why it means nothing at the other moments.
    otherwise: str = ""


def _kill_site(scene: Scene) -> None:
    scene.ground.site.kill()
    scene.ground.site.start()


def _tell_site_to_stop(scene: Scene) -> None:
    process = scene.ground.site.process
    assert process is not None
    process.terminate()
    time.sleep(HEARD_S)


def _start_site_again(scene: Scene) -> None:
    scene.ground.site.stop()
    scene.ground.site.start()


def _kill_worker(scene: Scene) -> None:
    many = scene.ground.many
    assert many is not None
    many.worker_of(scene.operation_id).kill()


def _tell_worker_to_stop(scene: Scene) -> None:
    many = scene.ground.many
    assert many is not None
    process = many.worker_of(scene.operation_id).process
    assert process is not None
    process.terminate()
    time.sleep(HEARD_S)


def _start_worker_again(scene: Scene) -> None:
    many = scene.ground.many
    assert many is not None
    for worker in many.workers:
        if worker.process is not None and worker.process.poll() is not None:
            worker.process = None
    many.start_what_ended()


def _cut(*sides: str) -> Act:
    def strike(scene: Scene) -> None:
        for side in sides:
            getattr(scene, side).cut()

    return strike


def _mend(*sides: str, after_s: float = 0.0) -> Act:
    def mend(scene: Scene) -> None:
        time.sleep(after_s)
        for side in sides:
            getattr(scene, side).mend()

    return mend


def _fill_catalog(scene: Scene) -> None:
    filler = scene.ground.site.data_dir / "archives" / "filler"
    with filler.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            return


def _free_catalog(scene: Scene) -> None:
    (scene.ground.site.data_dir / "archives" / "filler").unlink()


def _start_sshd(scene: Scene) -> None:
    time.sleep(SSHD_AWAY_S)
    scene.destination.start_sshd()


# $@ are the names. Within the host's own PID namespace: nobody else's process can be meant.
_KILL = """
until=$(($(date +%s%N) + 500000000))
while [ "$(date +%s%N)" -lt "$until" ]; do
  for process in /proc/[0-9]*; do
    read -r name 2>/dev/null < "$process/comm" || continue
    for wanted; do
      [ "$name" != "$wanted" ] || kill -9 "${process#/proc/}" 2>/dev/null
    done
  done
done
exit 0
"""


def _kill(side: str, *names: str) -> Act:
    """Kill every process of these names that the host has, and those that come in half a second."""

    def strike(scene: Scene) -> None:
        getattr(scene, side).run(["sh", "-c", _KILL, "kill", *names])

    return strike


# $1 is the container's ID: in the kernel's words, whatever Podman thinks.
_KILL_PROGRAM = """
for process in /proc/[0-9]*; do
  read -r name 2>/dev/null < "$process/comm" || continue
  [ "$name" = counter ] && grep -q -- "$1" "$process/cgroup" && kill -9 "${process#/proc/}"
done
exit 0
"""


def _kill_program(scene: Scene) -> None:
    container_id = scene.ground.containers[scene.container]
    scene.destination.run(["sh", "-c", _KILL_PROGRAM, "kill", container_id])


def _cancel(scene: Scene) -> None:
    answer = scene.ground.api.post(f"/operations/{scene.operation_id}/cancel")
    # Past the commit it says so.
    assert answer.status_code in (202, 409), answer.text


def _take_name(scene: Scene) -> None:
    image = reference("busybox")
    scene.destination.run(["podman", "create", "--name", scene.container, image, "sleep", "9999"])
    scene.foreign.append((scene.destination, scene.container))


def _take_port(scene: Scene) -> None:
    # Podman itself waits while the container is being checkpointed.
    found = scene.ground.api.get("/containers", params={"q": scene.container}).raise_for_status()
    port = found.json()["items"][0]["ports"][0]["host_port"]
    name = "squatter"
    argv = ["podman", "run", "--detach", "--name", name, "--publish", f"{port}:8080"]
    image = reference("busybox")
    scene.destination.run([*argv, "--stop-signal", "SIGKILL", image, "sleep", "9999"])
    scene.foreign.append((scene.destination, name))


def _remove_image(scene: Scene) -> None:
    scene.destination.run(["podman", "rmi", "--force", "--ignore", reference("counter")])


def _remove_foreign(scene: Scene) -> None:
    for host, name in scene.foreign:
        host.run(["podman", "rm", "--force", "--time", "0", name])
    scene.foreign.clear()


_BEFORE_RESTORE = ALL - {"restore", "restored", "verify", "clean-up"}
_MADE = "The restore has begun: it holds the name, the port and the image by then."

FAULTS = [
    Fault(name="site-killed", says="site: SIGKILL, started again", strike=_kill_site),
    Fault(
        name="site-stopped",
        says="site: SIGTERM, started again",
        strike=_tell_site_to_stop,
        then=_start_site_again,
    ),
    Fault(
        name="worker-killed",
        says="worker: SIGKILL, another one goes on",
        strike=_kill_worker,
        mend=_start_worker_again,
        at_scale=True,
    ),
    Fault(
        name="worker-stopped",
        says="worker: SIGTERM, another one goes on",
        strike=_tell_worker_to_stop,
        mend=_start_worker_again,
        at_scale=True,
    ),
    Fault(name="cancel", says="cancelled", strike=_cancel),
    Fault(
        name="source-cut-briefly",
        says="source cut off for 2 s",
        side="source",
        strike=_cut("source"),
        then=_mend("source", after_s=BRIEF_S),
    ),
    Fault(
        name="source-cut",
        says="source cut off for good",
        side="source",
        strike=_cut("source"),
        mend=_mend("source"),
    ),
    Fault(
        name="destination-cut-briefly",
        says="destination cut off for 2 s",
        strike=_cut("destination"),
        then=_mend("destination", after_s=BRIEF_S),
    ),
    Fault(
        name="destination-cut",
        says="destination cut off for good",
        strike=_cut("destination"),
        mend=_mend("destination"),
    ),
    Fault(
        name="both-cut-briefly",
        says="both cut off for 2 s",
        strike=_cut("source", "destination"),
        then=_mend("source", "destination", after_s=BRIEF_S),
    ),
    Fault(
        name="both-cut",
        says="both cut off for good",
        strike=_cut("source", "destination"),
        mend=_mend("source", "destination"),
    ),
    Fault(
        name="source-disk-full",
        says="source: disk full",
        side="source",
        strike=lambda scene: host_disk.fill(scene.source),
        mend=lambda scene: host_disk.free(scene.source),
    ),
    Fault(
        name="destination-disk-full",
        says="destination: disk full",
        strike=lambda scene: host_disk.fill(scene.destination),
        mend=lambda scene: host_disk.free(scene.destination),
    ),
    Fault(
        name="catalog-disk-full",
        says="catalog: disk full",
        side="source",
        strike=_fill_catalog,
        mend=_free_catalog,
    ),
    Fault(
        name="destination-sshd-killed",
        says="destination: sshd killed, back after 3 s",
        strike=lambda scene: scene.destination.stop_sshd(drop_sessions=True),
        then=_start_sshd,
    ),
    Fault(
        name="destination-killed",
        says="destination: host killed",
        strike=lambda scene: scene.destination.stop(),
        mend=lambda scene: scene.destination.start(),
        way_back="source",
        kills_destination=True,
    ),
    Fault(
        name="source-podman-killed",
        says="source: Podman killed",
        side="source-podman",
        strike=_kill("source", "podman"),
        moments=ALL - {"restore", "restored", "verify"},
        otherwise="No Podman of the migration runs on the source then.",
    ),
    Fault(
        name="destination-podman-killed",
        says="destination: Podman killed",
        strike=_kill("destination", "podman"),
        moments=frozenset({"preflight", "image", "restore", "restored", "verify"}),
        otherwise="No Podman of the migration runs on the destination then.",
    ),
    Fault(
        name="source-criu-killed",
        says="source: runc and CRIU killed",
        side="source",
        strike=_kill("source", "runc", "criu"),
        moments=frozenset({"checkpoint", "dumped"}),
        otherwise="Neither runs on the source then.",
    ),
    Fault(
        name="destination-criu-killed",
        says="destination: runc and CRIU killed",
        strike=_kill("destination", "runc", "criu"),
        moments=frozenset({"restore", "restored"}),
        otherwise="Neither runs on the destination then.",
    ),
    Fault(
        name="name-taken",
        says="restore fails: name taken",
        strike=_take_name,
        tidy=_remove_foreign,
        moments=_BEFORE_RESTORE,
        otherwise=_MADE,
    ),
    Fault(
        name="port-taken",
        says="restore fails: port taken",
        strike=_take_port,
        tidy=_remove_foreign,
        moments=_BEFORE_RESTORE,
        otherwise=_MADE,
    ),
    Fault(
        name="image-removed",
        says="restore fails: image removed",
        strike=_remove_image,
        moments=frozenset({"checkpoint", "dumped", "transfer"}),
        otherwise="Before, the image is copied again; later it is in use.",
    ),
    Fault(
        name="program-killed",
        says="restore fails: the restored program dies",
        strike=_kill_program,
        moments=frozenset({"restored", "verify"}),
        otherwise="It runs on the destination only then; later it is like any other that ends.",
    ),
]
