"""Build Podman's command lines. Names from input are always whole arguments of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from nodes.podman.options import CheckpointOptions, RestoreOptions


def ps_argv() -> list[str]:
    return ["podman", "ps", "--all", "--no-trunc", "--format", "json"]


def events_argv() -> list[str]:
    # --since=0s: without it Podman 5.8 first replays the whole log of a file events logger.
    return ["podman", "events", "--stream", "--since", "0s", "--format", "json"]


def info_argv() -> list[str]:
    return ["podman", "info", "--format", "json"]


def inspect_argv(container: str, *, size: bool = False) -> list[str]:
    flags = ["--size"] if size else []
    return ["podman", "container", "inspect", *flags, "--", container]


def addresses_argv(containers: Sequence[str]) -> list[str]:
    """Print the addresses of containers, separated by white space."""
    networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}} {{end}}"
    return ["podman", "container", "inspect", "--format", networks, "--", *containers]


def top_argv(container: str, *descriptors: str) -> list[str]:
    return ["podman", "container", "top", "--", container, *descriptors]


def logs_argv(container: str, *, tail: int) -> list[str]:
    return ["podman", "logs", "--tail", str(tail), "--", container]


def diff_argv(container: str) -> list[str]:
    return ["podman", "diff", "--format", "json", "--", container]


def checkpoint_argv(
    container: str, options: CheckpointOptions, *, export: PurePosixPath
) -> list[str]:
    argv = [
        "podman", "container", "checkpoint", "--print-stats",
        "--export", str(export), "--compress", options.compress,
    ]  # fmt: skip
    flags = {
        "--leave-running": options.leave_running,
        "--tcp-established": options.tcp_established,
        "--file-locks": options.file_locks,
        "--ignore-rootfs": options.ignore_rootfs,
        "--ignore-volumes": options.ignore_volumes,
        "--keep": options.keep,
    }
    return [*argv, *(flag for flag, on in flags.items() if on), "--", container]


def import_argv(archive: PurePosixPath, options: RestoreOptions) -> list[str]:
    """Restore from an archive, which must be a seekable file (field note 2)."""
    argv = ["podman", "container", "restore", "--print-stats", "--import", str(archive)]
    if options.name:
        argv += ["--name", options.name]
    if options.pod:
        argv += ["--pod", options.pod]
    for port in options.publish:
        argv += ["--publish", port]
    flags = {
        "--tcp-established": options.tcp_established,
        "--tcp-close": options.tcp_close,
        "--file-locks": options.file_locks,
        "--ignore-rootfs": options.ignore_rootfs,
        "--ignore-volumes": options.ignore_volumes,
        "--ignore-static-ip": options.ignore_static_ip,
        "--ignore-static-mac": options.ignore_static_mac,
        "--keep": options.keep,
    }
    return [*argv, *(flag for flag, on in flags.items() if on)]


def restore_in_place_argv(container: str, options: RestoreOptions) -> list[str]:
    """Restore from the files that a checkpoint left with the container on its own node."""
    argv = ["podman", "container", "restore", "--print-stats"]
    if options.tcp_established:
        argv.append("--tcp-established")
    if options.file_locks:
        argv.append("--file-locks")
    return [*argv, "--", container]


def selftest_run_argv(name: str, network: str, image: str, program: str) -> list[str]:
    """Start a bash program in the background; its log is in a file, whatever the node's default."""
    return [
        "podman", "run", "--detach", "--pull", "never", "--name", name, "--network", network,
        "--log-driver", "k8s-file", "--stop-signal", "SIGKILL", image, "bash", "-c", program,
    ]  # fmt: skip


def restore_help_argv() -> list[str]:
    """Print which options of a restore this Podman knows."""
    return ["podman", "container", "restore", "--help"]


def restore_log_argv(container: str) -> list[str]:
    """Print where CRIU wrote the log of a container's restore."""
    return ["podman", "container", "inspect", "--format", "{{.State.RestoreLog}}", "--", container]


def pod_state_argv(pod: str) -> list[str]:
    return ["podman", "pod", "inspect", "--format", "{{.State}}", "--", pod]


def pod_stop_argv(pod: str) -> list[str]:
    return ["podman", "pod", "stop", "--time", "0", "--", pod]


def remove_argv(container: str) -> list[str]:
    return ["podman", "rm", "--force", "--time", "0", "--", container]


def cleanup_argv(container: str) -> list[str]:
    """Unmount what a container that has ended leaves mounted, and take its network down."""
    return ["podman", "container", "cleanup", "--", container]


def remove_stopped_argv(container: str) -> list[str]:
    """Remove a container that does not run; Podman refuses to remove a running one."""
    return ["podman", "rm", "--", container]


def container_exists_argv(container: str) -> list[str]:
    return ["podman", "container", "exists", "--", container]


def image_exists_argv(image: str) -> list[str]:
    return ["podman", "image", "exists", "--", image]


def image_inspect_argv(image: str) -> list[str]:
    return ["podman", "image", "inspect", "--format", "json", "--", image]


def image_save_argv(image: str) -> list[str]:
    """Write an image to the command's output; loading it elsewhere keeps its ID (field note 7)."""
    return ["podman", "save", "--quiet", "--format", "docker-archive", "--", image]


def image_load_argv() -> list[str]:
    return ["podman", "load", "--quiet"]


def volume_names_argv() -> list[str]:
    return ["podman", "volume", "ls", "--format", "{{.Name}}"]


def volume_remove_argv(volume: str) -> list[str]:
    return ["podman", "volume", "rm", "--", volume]


def network_names_argv() -> list[str]:
    return ["podman", "network", "ls", "--format", "{{.Name}}"]
