"""Build the command lines of what is done to a container in one step."""

from __future__ import annotations

from collections.abc import Sequence

KILL_AFTER_S = 5
# timeout(1): 124 when the time was over, 137 when SIGKILL had to be sent; 128 is what
# nodes/ssh/session.py tells of a command that a signal has ended.
BROKEN_OFF = (124, 128, 137)


def limited_argv(argv: Sequence[str], *, seconds: int) -> list[str]:
    """Have the node end the command after so long: sshd does not when the connection goes."""
    # The short option is the one that BusyBox has as well.
    return ["timeout", "-k", str(KILL_AFTER_S), str(seconds), *argv]


def start_argv(container: str) -> list[str]:
    return ["podman", "start", "--", container]


def stop_argv(container: str, *, time_s: int) -> list[str]:
    """Ask the container to end, and kill it when it still runs after so many seconds."""
    return ["podman", "stop", "--time", str(time_s), "--", container]


def restart_argv(container: str, *, time_s: int) -> list[str]:
    return ["podman", "restart", "--time", str(time_s), "--", container]


def pause_argv(container: str) -> list[str]:
    return ["podman", "pause", "--", container]


def unpause_argv(container: str) -> list[str]:
    return ["podman", "unpause", "--", container]


def rename_argv(container: str, name: str) -> list[str]:
    return ["podman", "rename", "--", container, name]


def remove_running_argv(container: str, *, time_s: int) -> list[str]:
    """Stop the container as ``stop_argv`` does, and remove it; its named volumes stay."""
    return ["podman", "rm", "--force", "--time", str(time_s), "--", container]
