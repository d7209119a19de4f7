"""Options are refused by name and with a reason before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.podman.options import CheckpointOptions, MigrationOptions, RestoreOptions


def test_nothing_chosen_means_zstd_and_no_flag() -> None:
    chosen = MigrationOptions.parse({})
    assert chosen.compress == "zstd"
    assert not any(value is True for value in chosen.as_dict().values())


@pytest.mark.parametrize("name", ["tcp_close", "tcp-established", "as_dict", "__class__", ""])
def test_an_unknown_option_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is not an option of a migration$"):
        MigrationOptions.parse({name: True})


@pytest.mark.parametrize("value", [True, False])
def test_leave_running_is_refused_because_the_container_would_run_twice(value: bool) -> None:
    with pytest.raises(ValueError, match=r"leave_running.*run twice"):
        MigrationOptions.parse({"leave_running": value})


@pytest.mark.parametrize("value", ["true", "on", 1, 0, None, [], {}])
def test_a_flag_is_true_or_false_and_nothing_else(value: Any) -> None:
    with pytest.raises(ValueError, match="file_locks must be true or false"):
        MigrationOptions.parse({"file_locks": value})


@pytest.mark.parametrize("value", ["zstd", "gzip", "none"])
def test_podmans_three_compressions_are_taken(value: str) -> None:
    assert MigrationOptions.parse({"compress": value}).checkpoint.compress == value


@pytest.mark.parametrize("value", ["xz", "ZSTD", "", "none --keep", None, True])
def test_another_compression_is_refused_with_the_choices(value: Any) -> None:
    with pytest.raises(ValueError, match="compress must be one of zstd, gzip, none"):
        MigrationOptions.parse({"compress": value})
    with pytest.raises(ValueError, match="compress must be one of zstd, gzip, none"):
        CheckpointOptions(compress=value)


def test_print_stats_is_always_on_and_may_be_said() -> None:
    assert MigrationOptions.parse({"print_stats": True}) == MigrationOptions()


def test_a_new_name_and_open_connections_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="name and tcp_established"):
        RestoreOptions(name="counter-2", tcp_established=True)


@pytest.mark.parametrize(
    "name", ["tcp_established", "file_locks", "ignore_rootfs", "ignore_volumes"]
)
def test_what_concerns_both_halves_reaches_both(name: str) -> None:
    chosen = MigrationOptions.parse({name: True})
    assert getattr(chosen.checkpoint, name) is True
    assert getattr(chosen.restore, name) is True


@pytest.mark.parametrize("name", ["ignore_static_ip", "ignore_static_mac"])
def test_what_concerns_the_restore_reaches_it(name: str) -> None:
    assert getattr(MigrationOptions.parse({name: True}).restore, name) is True


def test_a_migration_keeps_the_checkpoint_on_the_source_and_never_leaves_it_running() -> None:
    """The files that are kept are what a rollback restores from."""
    checkpoint = MigrationOptions(keep=False).checkpoint
    assert checkpoint.keep
    assert not checkpoint.leave_running


def test_keep_is_about_the_destinations_files() -> None:
    assert MigrationOptions(keep=True).restore.keep
    assert not MigrationOptions(keep=False).restore.keep


def test_options_survive_being_stored() -> None:
    chosen = MigrationOptions(tcp_established=True, compress="gzip", keep_source=True)
    assert MigrationOptions.parse(chosen.as_dict()) == chosen


@pytest.mark.parametrize(
    "options, says",
    [
        ({"name": "copy", "tcp_established": True}, "name and tcp_established exclude"),
        ({"tcp_close": True, "tcp_established": True}, "exclude each other"),
        ({"name": "-rm"}, "name must begin"),
        ({"name": "a b"}, "name must begin"),
        ({"pod": "../x"}, "pod must begin"),
        ({"publish": "8080:80"}, "publish must be a list"),
        ({"publish": [8080]}, "publish must be a list of"),
        ({"publish": ["8080:80 --privileged"]}, "publish must be HOST:CONTAINER"),
        ({"publish": ["65536:80"]}, "a port that does not exist"),
        ({"publish": ["8002-8000:9002-9000"]}, "a port that does not exist"),
        ({"publish": ["-p"]}, "publish must be HOST:CONTAINER"),
        ({"publish": ["1:1"] * 101}, "100 times"),
        ({"leave_running": True}, "not an option of a restore"),
        ({"keep": "yes"}, "keep must be true or false"),
        ({"name": True}, "name must be text"),
    ],
)
def test_what_a_restore_cannot_do_is_refused_with_the_reason(
    options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        RestoreOptions.parse(options)


@pytest.mark.parametrize(
    "text, host, container, count, protocol",
    [
        ("80", 0, 80, 1, "tcp"),
        ("8080:80", 8080, 80, 1, "tcp"),
        ("127.0.0.1:8080:80/udp", 8080, 80, 1, "udp"),
        ("[::1]:8080:80", 8080, 80, 1, "tcp"),
        ("127.0.0.1::80", 0, 80, 1, "tcp"),
        ("8000-8002:9000-9002", 8000, 9000, 3, "tcp"),
    ],
)
def test_published_ports_are_read_as_podman_reads_them(
    text: str, host: int, container: int, count: int, protocol: str
) -> None:
    (port,) = RestoreOptions.parse({"publish": [text]}).published
    assert (port.host_port, port.container_port) == (host, container)
    assert (port.count, port.protocol) == (count, protocol)
