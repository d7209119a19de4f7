"""Remove a container whatever Podman knows of it, and everything that runs in it."""

from __future__ import annotations

from nodes.operations.container_asks import container_exists
from nodes.podman import argv
from nodes.ssh.session import NodeSession

# $1 is the container's ID, and names its cgroup. A Podman that was killed while it restored leaves
# the program running in a container that the next one merely calls "created": it would remove that
# and let the program run on. A runc that was killed leaves the root filesystem mounted in its own
# folder, and then neither deletes nor restores that ID any more; nothing may remove files there,
# for they are the container's (measured: Podman 5.8.6, runc 1.3.6). conmon ends with the program.
_END = """
for each in /proc/[0-9]*; do
  if grep -qs -- "libpod-$1" "$each/cgroup"; then kill -KILL "${each#/proc/}" 2>/dev/null; fi
done
left="/run/runc/$1"
if [ -d "$left/criu-root" ] && umount "$left/criu-root"; then
  rmdir "$left/criu-root" && rmdir --ignore-fail-on-non-empty "$left"
fi
exit 0
"""
# $1 is the container's ID.
_RUNS = """
for each in /proc/[0-9]*; do
  if grep -qs -- "libpod-$1" "$each/cgroup"; then echo runs; exit 0; fi
done
"""
# $1 is the container's ID. Without its state the runtime lets the same ID be restored again.
_FORGET = 'for each in runc crun; do "$each" delete --force "$1"; done >/dev/null 2>&1; exit 0'


async def remove_container(session: NodeSession, container_id: str) -> bool:
    """End what runs in the container, and remove it; return whether Podman had it.

    Raises SshError.
    """
    await session.run(["sh", "-c", _END, "end-container", container_id])
    found = await container_exists(session, container_id)
    if found:
        await session.run(argv.remove_argv(container_id))
    await session.run(["sh", "-c", _FORGET, "forget-container", container_id])
    return found


async def runs_anything(session: NodeSession, container_id: str) -> bool:
    """Tell whether a process of the container runs, whatever Podman says. Raises SshError."""
    done = await session.run(["sh", "-c", _RUNS, "runs-anything", container_id])
    return bool(done.stdout.strip())
