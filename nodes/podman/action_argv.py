"""Build the command lines of what is done to a container in one step."""

from __future__ import annotations


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
