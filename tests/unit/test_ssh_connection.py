"""A node is trusted by its pinned key only, and lets us in by the site's key or a password."""

from __future__ import annotations

from dataclasses import replace

import asyncssh
import pytest

from nodes.ssh.authorise import authorise_with_password
from nodes.ssh.connection import connect
from nodes.ssh.errors import AuthenticationRefused, HostKeyChanged, NodeUnreachable
from nodes.ssh.host_key import fetch_host_key, parse_host_key
from nodes.ssh.key_pair import KeyPair, generate_key_pair
from tests.unit.ssh_server import PASSWORD, SshServer


async def test_the_sites_key_opens_the_pinned_host(server: SshServer, key_pair: KeyPair) -> None:
    async with await connect(server.address(), private_key=key_pair.private_key) as connection:
        done = await connection.run("echo here")
    assert done.stdout == "here\n"


async def test_a_changed_host_key_is_refused_and_shown(
    server: SshServer, key_pair: KeyPair
) -> None:
    pinned = server.address()
    await server.stop()
    server.host_key = asyncssh.generate_private_key("ssh-ed25519")
    await server.start()
    with pytest.raises(HostKeyChanged) as caught:
        await connect(pinned, private_key=key_pair.private_key)
    assert caught.value.found_fingerprint == server.host_key.get_fingerprint()
    expected = parse_host_key(pinned.host_key)
    assert expected is not None
    assert expected.fingerprint in caught.value.problem.cause
    assert server.logins == 0


async def test_a_host_key_of_another_type_is_a_changed_one(
    server: SshServer, key_pair: KeyPair
) -> None:
    rsa = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    pinned = replace(server.address(), host_key=rsa)
    with pytest.raises(HostKeyChanged):
        await connect(pinned, private_key=key_pair.private_key)
    assert server.logins == 0


async def test_a_password_is_not_sent_to_a_host_with_another_key(server: SshServer) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(HostKeyChanged):
        await connect(replace(server.address(), host_key=other), password=PASSWORD)
    assert server.logins == 0


async def test_a_key_that_is_not_authorised_is_refused(server: SshServer) -> None:
    stranger = generate_key_pair("stranger")
    with pytest.raises(AuthenticationRefused, match="site's SSH key") as caught:
        await connect(server.address(), private_key=stranger.private_key)
    assert "authorized_keys" in caught.value.problem.cause


async def test_a_wrong_password_is_refused_and_not_repeated(server: SshServer) -> None:
    with pytest.raises(AuthenticationRefused, match="with the password") as caught:
        await connect(server.address(), password="battery staple")
    problem = caught.value.problem
    assert "battery staple" not in f"{problem.message}{problem.cause}{problem.remedy}"


async def test_a_closed_port_is_told_with_the_address_and_the_systems_words(
    server: SshServer, key_pair: KeyPair
) -> None:
    address = server.address()
    await server.stop()
    with pytest.raises(NodeUnreachable) as caught:
        await connect(address, private_key=key_pair.private_key)
    assert str(caught.value) == f"alder cannot be reached at 127.0.0.1 port {server.port}."
    assert caught.value.problem.cause == "Connection refused"


async def test_a_host_is_asked_for_its_key_before_it_is_trusted(server: SshServer) -> None:
    found = await fetch_host_key("alder", "127.0.0.1", server.port)
    assert found.key == server.address().host_key
    assert found.fingerprint.startswith("SHA256:")
    assert server.logins == 0


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "SHA256:abc", "\x00"])
def test_what_is_no_host_key_is_not_taken_for_one(text: str) -> None:
    assert parse_host_key(text) is None


async def test_a_password_authorises_the_key_once_however_often(
    server: SshServer, key_pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = server.bin.parent
    monkeypatch.setenv("HOME", str(home))
    for _ in range(2):
        await authorise_with_password(server.address(), key_pair.public_key, PASSWORD)
    keys = home / ".ssh" / "authorized_keys"
    assert keys.read_text() == f"{key_pair.public_key}\n"
    assert keys.stat().st_mode & 0o777 == 0o600
    assert keys.parent.stat().st_mode & 0o777 == 0o700


def test_a_key_pair_does_not_show_its_private_half(key_pair: KeyPair) -> None:
    assert key_pair.public_key in repr(key_pair)
    assert "PRIVATE" not in repr(key_pair)
    assert "PRIVATE KEY" in key_pair.private_key
