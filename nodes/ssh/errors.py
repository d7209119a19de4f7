"""What can go wrong on the way to a node.

SshError
├── NodeUnreachable         no connection, or it was lost
├── HostKeyChanged          the host key is not the pinned one
├── AuthenticationRefused   the node accepts neither our key nor the password given
├── SudoRefused             sudo asks for a password or forbids the command
└── CommandFailed           the command ran and ended with another status than 0
    └── CommandNotFound
"""

from __future__ import annotations

from collections.abc import Sequence

from nodes.problem import FerryError

_STDERR_TAIL_CHARS = 2000
# What NodeSession tells of a command that a signal has ended.
_SIGNAL = 128


class SshError(FerryError):
    code = "ssh_error"


class NodeUnreachable(SshError):
    code = "node_unreachable"

    def __init__(self, node: str, host: str, port: int, cause: str) -> None:
        super().__init__(
            f"{node} cannot be reached at {host} port {port}.",
            cause=cause,
            remedy=(
                "Check that the host is up, that its address and port are right and that no "
                "firewall is in between. The site keeps trying."
            ),
        )


class HostKeyChanged(SshError):
    code = "host_key_changed"

    def __init__(self, node: str, expected_fingerprint: str, found_fingerprint: str) -> None:
        super().__init__(
            f"The host key of {node} has changed, so the connection was refused.",
            cause=(
                f"The host shows {found_fingerprint}, but {expected_fingerprint} was confirmed "
                "when the node was added. Somebody may be in between, or the host was "
                "reinstalled."
            ),
            remedy=(
                "Compare with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host's "
                "own console. If the new key is right, an admin can confirm it: Review host key "
                "on the node's page."
            ),
        )
        self.found_fingerprint = found_fingerprint


class AuthenticationRefused(SshError):
    code = "authentication_refused"

    def __init__(self, node: str, user: str, *, with_password: bool) -> None:
        what = "password" if with_password else "site's SSH key"
        super().__init__(
            f"{node} refused to let {user} in with the {what}.",
            cause=(
                "The password or the user name is wrong, or the host allows no passwords."
                if with_password
                else f"The site's public key is not in ~{user}/.ssh/authorized_keys, or the host "
                f"does not let {user} sign in."
            ),
            remedy=(
                "Type the password again, or authorise the site's key by hand with the line "
                "shown on the Add node page."
                if with_password
                else f"Authorise the site's public key for {user} with the line shown on the "
                "node's page."
            ),
        )


class SudoRefused(SshError):
    code = "sudo_refused"

    def __init__(self, node: str, user: str, stderr: str) -> None:
        super().__init__(
            f"{user} may not use sudo without a password on {node}.",
            cause=stderr.strip(),
            remedy=(
                f"Allow it with a line in /etc/sudoers.d/ferry: {user} ALL=(ALL) NOPASSWD: ALL — "
                "or register the node with the user root."
            ),
            rule="sudo-refused",
            line=next(iter(stderr.strip().splitlines()), ""),
            node=node,
        )


class CommandFailed(SshError):
    code = "command_failed"

    def __init__(
        self, node: str, argv: Sequence[str], exit_status: int | None, stderr: str
    ) -> None:
        tail = stderr.strip()[-_STDERR_TAIL_CHARS:]
        signalled = "It was killed, or ended by a signal." if exit_status == _SIGNAL else ""
        super().__init__(
            f"`{_shown(argv)}` failed on {node} with status {exit_status}.",
            cause=tail or signalled,
            remedy=f"Look at {node} for why, then try again.",
            node=node,
        )
        self.node = node
        self.argv = list(argv)
        self.exit_status = exit_status
        self.stderr = stderr


class CommandNotFound(CommandFailed):
    code = "command_not_found"


class CommandTimedOut(SshError):
    code = "command_timed_out"

    def __init__(self, node: str, argv: Sequence[str], timeout_s: float) -> None:
        super().__init__(
            f"`{_shown(argv)}` did not end within {timeout_s:g} s on {node}.",
            remedy="Look on the host what it waits for, then try again.",
        )


def _shown(argv: Sequence[str]) -> str:
    """Return what a person calls the command: a script of ours goes by its name, its $0."""
    if list(argv[:2]) == ["sh", "-c"] and len(argv) > 3:
        return argv[3]
    # What only limits the command is not named: nodes/podman/action_argv.py.
    if list(argv[:2]) == ["timeout", "-k"]:
        argv = argv[4:]
    return " ".join(argv[:3])
