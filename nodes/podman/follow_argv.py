"""Build the command lines that print as long as somebody reads: logs and statistics."""

from __future__ import annotations

from collections.abc import Sequence

# It ends its command when its input ends, as it does with the connection: sshd would let one that
# has nothing to write run for ever. Both outputs come line by line, in their order. `read` is the
# shell's own, so that nothing is left when the command ends by itself.
_WHILE_READ = """
exec 3<&0
"$@" </dev/null 2>&1 3<&- &
command=$!
( read -r _ <&3; kill "$command" ) >/dev/null 2>&1 &
reader=$!
wait "$command"
status=$?
kill "$reader" 2>/dev/null
exit "$status"
"""
_BOTH_OUTPUTS = 'exec "$@" 2>&1'


def while_read_argv(name: str, argv: Sequence[str]) -> list[str]:
    return ["sh", "-c", _WHILE_READ, name, *argv]


def follow_log_argv(container: str, *, tail: int) -> list[str]:
    """Print the end of a log and what is added to it, until the container ends."""
    argv = [
        "podman", "logs", "--follow", "--timestamps", "--tail", str(tail), "--", container,
    ]  # fmt: skip
    return while_read_argv("follow-log", argv)


def log_end_argv(container: str, *, tail: int) -> list[str]:
    argv = ["podman", "logs", "--timestamps", "--tail", str(tail), "--", container]
    return ["sh", "-c", _BOTH_OUTPUTS, "read-log", *argv]


def whole_log_argv(container: str) -> list[str]:
    return [
        "sh",
        "-c",
        _BOTH_OUTPUTS,
        "read-log",
        "podman",
        "logs",
        "--timestamps",
        "--",
        container,
    ]
