"""Prove that lab hosts are real enough to migrate between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import (
    CommandError,
    Host,
    Lab,
    LabError,
    full_check,
    wait_until_it_counts,
)
from tests.lab.probe import banner, gbit_per_s, key_login, key_pair, password_login
from tests.lab.workload import KINDS

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="the lab needs root"),
]
PORT = 8081


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab("selftest")
    lab.down(wipe=True)
    lab.up()
    yield lab
    lab.down(wipe=True)


@pytest.fixture
def alder(lab: Lab) -> Host:
    return lab.host("alder")


@pytest.fixture
def birch(lab: Lab) -> Host:
    return lab.host("birch")


@pytest.fixture
def counter(alder: Host, birch: Host) -> Iterator[str]:
    container_id = alder.start_workload("counter", memory_mib=32, port=PORT)
    yield container_id
    for host in (alder, birch):
        host.run(["podman", "rm", "--force", "--volumes", "--time", "0", "--all"])


def answer(host: Host) -> str:
    with urllib.request.urlopen(f"http://{host.address}:{PORT}/", timeout=2) as response:
        return str(response.read().decode())


def test_sshd_answers_and_criu_works_on_both_hosts(lab: Lab) -> None:
    for host in lab.hosts.values():
        assert banner(host).startswith(b"SSH-2.0")
        assert "Looks good." in host.run(["criu", "check"]).stdout


def test_up_twice_changes_nothing(lab: Lab, alder: Host) -> None:
    pid = alder.init_pid
    lab.up(["alder", "birch"])
    assert alder.init_pid == pid
    assert lab.host("alder").host_key == alder.host_key


def test_an_unknown_host_is_named_with_those_there_are(lab: Lab) -> None:
    with pytest.raises(LabError, match="'elm'; its hosts: alder, birch"):
        lab.host("elm")


def test_a_failed_command_says_what_and_why(alder: Host) -> None:
    with pytest.raises(
        CommandError, match=r"alder: \['ls', '/none'\] ended with status 2: .*No such"
    ):
        alder.run(["ls", "/none"])
    assert alder.run(["cat"], input="through").stdout == "through"


def test_a_timeout_ends_the_command_on_the_host(alder: Host) -> None:
    with pytest.raises(LabError, match="did not end within"):
        alder.run(["sleep", "4242"], timeout=0.3)
    assert alder.run(["pgrep", "-f", "sleep 4242"], check=False).stdout == ""


def test_an_authorized_key_logs_in_against_the_host_key(alder: Host, tmp_path: Path) -> None:
    key = key_pair(tmp_path, alder)
    public_key = key.with_suffix(".pub").read_text()
    for user in ("root", "ferry"):
        alder.authorize(public_key, user)
        alder.authorize(public_key, user)
        assert key_login(alder, user, key, "whoami") == f"{user}\n"
        alder.deauthorize(user)
        assert "Permission denied" in key_login(alder, user, key, "whoami")


def test_only_ferry_may_sudo_and_root_has_no_password(alder: Host, tmp_path: Path) -> None:
    sudo = ["sudo", "-n", "whoami"]
    assert password_login(alder, "ferry", tmp_path, *sudo) == "root\n"
    assert "password is required" in password_login(alder, "plain", tmp_path, *sudo)
    assert "Permission denied" in password_login(alder, "root", tmp_path, "whoami")


def test_a_rotated_host_key_is_another_one(birch: Host, tmp_path: Path) -> None:
    key = key_pair(tmp_path, birch)
    birch.authorize(key.with_suffix(".pub").read_text())
    old = birch.host_key
    birch.rotate_host_key()
    assert birch.host_key != old
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in key_login(birch, "root", key, "true")


def test_a_container_moves_with_its_memory(alder: Host, birch: Host, counter: str) -> None:
    before = wait_until_it_counts(alder)
    checkpoint = ["podman", "container", "checkpoint", "--print-stats"]
    alder.run([*checkpoint, "--export", "/root/x.tar.zst", "counter"])
    shutil.copyfile(alder.path("/root/x.tar.zst"), birch.path("/root/x.tar.zst"))
    image = "/root/image.tar"
    alder.run(["podman", "save", "--quiet", "--output", image, "localhost/ferry-counter"])
    shutil.copyfile(alder.path(image), birch.path(image))
    birch.run(["podman", "load", "--quiet", "--input", image])
    birch.run(["podman", "container", "restore", "--import", "/root/x.tar.zst", "--print-stats"])

    after = full_check(birch)
    assert after.counter > before.counter
    assert (after.errors, after.nonce) == (0, before.nonce)
    assert birch.run(["podman", "exec", "counter", "cat", "/changed-at-start"]).stdout
    assert '"errors": 0' in answer(birch)
    assert before.nonce in answer(birch)
    assert birch.load_image("counter") == alder.load_image("counter")


def test_a_program_started_afresh_is_told_from_one_that_went_on(alder: Host, counter: str) -> None:
    before = full_check(alder)
    assert full_check(alder).nonce == before.nonce
    alder.run(["podman", "restart", "--time", "1", "counter"])
    assert full_check(alder).nonce != before.nonce


def test_a_cut_link_hides_the_port_until_it_is_mended(alder: Host, counter: str) -> None:
    wait_until_it_counts(alder)
    assert '"counter"' in answer(alder)
    alder.cut()
    with pytest.raises(OSError, match="timed out"):
        answer(alder)
    alder.mend()
    assert '"counter"' in answer(alder)


@pytest.mark.parametrize("direction", ["to", "from"])
def test_a_shaped_link_is_as_fast_as_it_is_told(lab: Lab, alder: Host, direction: str) -> None:
    gateway = str(lab.network.subnet[1])
    alder.shape("1gbit")
    shaped = gbit_per_s(alder, gateway, direction)
    alder.unshape()
    assert 0.6 <= shaped <= 1.2
    assert gbit_per_s(alder, gateway, direction) > shaped


def test_a_frozen_host_says_nothing_until_it_is_thawed(alder: Host, counter: str) -> None:
    before = wait_until_it_counts(alder)
    alder.freeze()
    try:
        with pytest.raises(TimeoutError):
            banner(alder)
        with pytest.raises(LabError, match="frozen"):
            alder.run(["true"])
    finally:
        alder.thaw()
    assert banner(alder)
    after = wait_until_it_counts(alder)
    assert (after.errors, after.nonce) == (0, before.nonce)


def test_a_restarted_host_keeps_its_disk_and_its_key(birch: Host) -> None:
    key = birch.host_key
    birch.run(["touch", "/root/kept"])
    birch.stop()
    assert not birch.is_running
    with pytest.raises(OSError, match=r"No route|timed out"):
        banner(birch)
    birch.start()
    assert birch.host_key == key
    assert birch.run(["ls", "/root/kept"]).stdout
    assert banner(birch)


def test_up_heals_a_host_that_has_crashed(lab: Lab, alder: Host, counter: str) -> None:
    os.kill(alder.init_pid, signal.SIGKILL)
    subprocess.run(["ip", "link", "delete", lab.network.bridge], check=True)
    lab.up()
    assert banner(alder)
    assert str(alder.init_pid) in (alder.cgroup.leaf / "cgroup.procs").read_text().split()
    assert alder.run(["podman", "ps", "--all", "--format", "{{.State}}"]).stdout == "exited\n"


def test_a_small_disk_fills_up(alder: Host) -> None:
    alder.limit_disk("/var/lib/ferry", 8 * 1024**2)
    alder.fill_disk("/var/lib/ferry", leave_bytes=65536)
    with pytest.raises(CommandError, match="No space left on device"):
        alder.shell("head -c 1M /dev/zero > /var/lib/ferry/more")
    alder.unlimit_disk("/var/lib/ferry")
    assert alder.run(["ls", "/var/lib/ferry"]).stdout == ""


def test_a_stopped_sshd_lets_nobody_in(alder: Host) -> None:
    alder.stop_sshd()
    with pytest.raises(ConnectionRefusedError):
        banner(alder)
    alder.start_sshd()
    assert banner(alder)


def test_every_kind_of_workload_runs(alder: Host, counter: str) -> None:
    for kind in sorted(KINDS.keys() - {"counter"}):
        alder.start_workload(kind)
    time.sleep(0.3)
    listing = ["podman", "ps", "--format", "{{.Names}}"]
    assert set(alder.run(listing).stdout.split()) == KINDS.keys()
    for kind in ("tcp", "lock", "ghost"):
        assert "errors=0" in alder.run(["podman", "logs", "--tail", "1", kind]).stdout


def test_down_leaves_nothing_behind(lab: Lab) -> None:
    lab.down()
    lab.down()
    interfaces = [path.name for path in Path("/sys/class/net").iterdir()]
    assert not [name for name in interfaces if name.startswith("ferryselftest")]
    assert str(lab.folder) not in Path("/proc/self/mountinfo").read_text()
    cgroups = Path("/sys/fs/cgroup").rglob("ferry-lab-selftest*")
    assert not list(cgroups)
    assert [host.is_running for host in lab.hosts.values()] == [False, False]
