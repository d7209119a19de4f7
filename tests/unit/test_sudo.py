"""A node registered with sudo runs commands as root, and sudo's own refusals are told apart."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from nodes.ssh.errors import CommandFailed, CommandNotFound, SudoRefused
from nodes.ssh.key_pair import KeyPair
from nodes.ssh.session import NodeSession
from tests.unit.ssh_server import SshServer

SUDO = 'test "$1 $2" = "-n --" || exit 99\nshift 2\nBY_SUDO=yes exec "$@"'


@pytest.fixture
def sudoer(server: SshServer, key_pair: KeyPair) -> Iterator[NodeSession]:
    session = NodeSession(server.address(sudo=True), key_pair.private_key)
    yield session
    session.close()


async def test_sudo_runs_the_command_without_ever_asking(
    sudoer: NodeSession, server: SshServer
) -> None:
    server.install("sudo", SUDO)
    assert (await sudoer.run(["sh", "-c", "echo $BY_SUDO"])).stdout == "yes\n"


@pytest.mark.parametrize("check", [True, False])
async def test_sudo_that_wants_a_password_is_named(
    sudoer: NodeSession, server: SshServer, check: bool
) -> None:
    server.install("sudo", "echo 'sudo: a password is required' >&2; exit 1")
    with pytest.raises(SudoRefused, match="vera may not use sudo") as caught:
        await sudoer.run(["true"], check=check)
    assert caught.value.problem.cause == "sudo: a password is required"
    assert "/etc/sudoers.d" in caught.value.problem.remedy


async def test_a_program_that_sudo_does_not_find_is_not_sudos_refusal(
    sudoer: NodeSession, server: SshServer
) -> None:
    server.install("sudo", "echo 'sudo: criu: command not found' >&2; exit 1")
    with pytest.raises(CommandNotFound):
        await sudoer.run(["criu", "check"])


async def test_a_command_that_fails_under_sudo_is_not_sudos_refusal(
    sudoer: NodeSession, server: SshServer
) -> None:
    server.install("sudo", SUDO)
    with pytest.raises(CommandFailed) as caught:
        await sudoer.run(["sh", "-c", "echo 'Error: no such container' >&2; exit 125"])
    assert caught.value.exit_status == 125


async def test_without_sudo_nothing_is_taken_for_its_refusal(
    server: SshServer, key_pair: KeyPair
) -> None:
    alder = NodeSession(server.address(), key_pair.private_key)
    with pytest.raises(CommandFailed) as caught:
        await alder.run(["sh", "-c", "echo 'sudo: a password is required' >&2; exit 1"])
    assert not isinstance(caught.value, SudoRefused)
    alder.close()


@pytest.mark.parametrize(
    "said",
    [
        "Sorry, user vera is not allowed to execute '/usr/bin/podman ps' as root on alder.",
        "vera is not in the sudoers file.",
        "sudo: a terminal is required to read the password",
    ],
)
async def test_every_way_of_sudo_to_refuse_is_known(
    sudoer: NodeSession, server: SshServer, said: str
) -> None:
    server.install("sudo", f"echo {shlex.quote(said)} >&2; exit 1")
    with pytest.raises(SudoRefused):
        await sudoer.run(["true"], check=False)


async def test_a_warning_of_sudo_is_not_a_refusal(sudoer: NodeSession, server: SshServer) -> None:
    warning = "sudo: unable to resolve host alder: Name or service not known"
    server.install("sudo", f'echo {shlex.quote(warning)} >&2; shift 2; exec "$@"')
    assert (await sudoer.run(["false"], check=False)).exit_status == 1
