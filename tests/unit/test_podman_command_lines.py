"""Command lines carry exactly what was asked for, and a name never becomes an option."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import PurePosixPath

import pytest

from nodes.podman import action_argv, argv
from nodes.podman.options import CheckpointOptions, RestoreOptions

ARCHIVE = PurePosixPath("/var/lib/ferry/7/archive")
HOSTILE = ["--all", "-f", "counter; rm -rf /", "$(reboot)", "two words", "line\nbreak", "'", ""]


def test_a_checkpoint_is_exported_compressed_and_measured() -> None:
    assert argv.checkpoint_argv("counter", CheckpointOptions(), export=ARCHIVE) == [
        "podman", "container", "checkpoint", "--print-stats",
        "--export", "/var/lib/ferry/7/archive", "--compress", "zstd", "--", "counter",
    ]  # fmt: skip


def test_a_checkpoint_carries_every_option_by_podmans_name() -> None:
    options = CheckpointOptions(
        leave_running=True,
        tcp_established=True,
        file_locks=True,
        ignore_rootfs=True,
        ignore_volumes=True,
        compress="none",
        keep=True,
    )
    assert argv.checkpoint_argv("counter", options, export=ARCHIVE) == [
        "podman", "container", "checkpoint", "--print-stats",
        "--export", "/var/lib/ferry/7/archive", "--compress", "none",
        "--leave-running", "--tcp-established", "--file-locks", "--ignore-rootfs",
        "--ignore-volumes", "--keep", "--", "counter",
    ]  # fmt: skip


def test_an_import_names_no_container() -> None:
    assert argv.import_argv(ARCHIVE, RestoreOptions()) == [
        "podman", "container", "restore", "--print-stats",
        "--import", "/var/lib/ferry/7/archive",
    ]  # fmt: skip


def test_an_import_carries_every_option_by_podmans_name() -> None:
    options = RestoreOptions(
        publish=("8081:8080", "53:53/udp"),
        pod="grove",
        tcp_established=True,
        file_locks=True,
        ignore_rootfs=True,
        ignore_volumes=True,
        ignore_static_ip=True,
        ignore_static_mac=True,
        keep=True,
    )
    assert argv.import_argv(ARCHIVE, options) == [
        "podman", "container", "restore", "--print-stats",
        "--import", "/var/lib/ferry/7/archive", "--pod", "grove",
        "--publish", "8081:8080", "--publish", "53:53/udp",
        "--tcp-established", "--file-locks", "--ignore-rootfs", "--ignore-volumes",
        "--ignore-static-ip", "--ignore-static-mac", "--keep",
    ]  # fmt: skip


def test_an_import_may_take_another_name() -> None:
    line = argv.import_argv(ARCHIVE, RestoreOptions(name="counter-2"))
    assert line[-2:] == ["--name", "counter-2"]


def test_a_restore_in_place_takes_what_the_checkpoint_took_but_nothing_of_an_import() -> None:
    options = RestoreOptions(
        tcp_established=True, file_locks=True, ignore_volumes=True, ignore_static_ip=True
    )
    assert argv.restore_in_place_argv("counter", options) == [
        "podman", "container", "restore", "--print-stats",
        "--tcp-established", "--file-locks", "--", "counter",
    ]  # fmt: skip


def test_a_container_is_removed_without_waiting_for_it_and_keeps_its_volumes() -> None:
    line = argv.remove_argv("counter")
    assert line == ["podman", "rm", "--force", "--time", "0", "--", "counter"]


def test_an_image_is_saved_in_the_format_that_keeps_its_id() -> None:
    line = argv.image_save_argv("289e21743143")
    assert line == [
        "podman", "save", "--quiet", "--format", "docker-archive", "--", "289e21743143",
    ]  # fmt: skip


def test_events_do_not_begin_with_those_of_the_past() -> None:
    assert argv.events_argv() == [
        "podman", "events", "--stream", "--since", "0s", "--format", "json",
    ]  # fmt: skip


@pytest.mark.parametrize("size, flags", [(True, ["--size"]), (False, [])])
def test_sizes_are_counted_only_when_asked_for(size: bool, flags: list[str]) -> None:
    line = argv.inspect_argv("counter", size=size)
    assert line == ["podman", "container", "inspect", *flags, "--", "counter"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "build",
    [
        argv.inspect_argv,
        lambda name: argv.inspect_argv(name, size=True),
        lambda name: argv.logs_argv(name, tail=100),
        lambda name: argv.checkpoint_argv(name, CheckpointOptions(), export=ARCHIVE),
        lambda name: argv.restore_in_place_argv(name, RestoreOptions()),
        argv.remove_argv,
        argv.container_exists_argv,
        argv.image_exists_argv,
        argv.image_inspect_argv,
        argv.image_save_argv,
        argv.volume_remove_argv,
        action_argv.start_argv,
        lambda name: action_argv.stop_argv(name, time_s=10),
        lambda name: action_argv.restart_argv(name, time_s=10),
        lambda name: action_argv.remove_running_argv(name, time_s=10),
        action_argv.pause_argv,
        action_argv.unpause_argv,
    ],
)
def test_a_hostile_name_stays_one_argument(build: Callable[[str], list[str]], name: str) -> None:
    assert build(name)[-2:] == ["--", name]
    assert build(name)[:-1] == build("counter")[:-1]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_new_name_stays_one_argument(name: str) -> None:
    assert action_argv.rename_argv("7657bdea19a4", name) == [
        "podman", "rename", "--", "7657bdea19a4", name,
    ]  # fmt: skip


def test_a_command_with_a_limit_ends_by_itself() -> None:
    limited = action_argv.limited_argv(["sleep", "60"], seconds=1)
    assert limited == ["timeout", "-k", "5", "1", "sleep", "60"]
    assert subprocess.run(limited, check=False).returncode in action_argv.BROKEN_OFF
