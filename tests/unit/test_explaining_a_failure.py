"""A failed command becomes an error that names the cause, read from CRIU's log on the node."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodes.operations.errors import CheckpointFailed, RestoreFailed
from nodes.operations.failure import explain
from nodes.ssh.session import Completed
from tests.fake_host import recorded
from tests.unit.local_session import LocalSession

alder = LocalSession("alder")


def failed(stderr: str) -> Completed:
    return Completed(stdout="", stderr=stderr, exit_status=125)


@pytest.fixture
def dump_log(tmp_path: Path) -> Path:
    log = tmp_path / "dump.log"
    log.write_text("(00.000104) Version: 4.2.1 (gitid 0)\n" + recorded("dump-tcp.log"))
    return log


async def test_the_log_that_podman_names_tells_the_cause(dump_log: Path) -> None:
    stderr = re.sub(r"/\S+/dump\.log", str(dump_log), recorded("checkpoint-tcp.stderr"))
    error = await explain(CheckpointFailed, "The checkpoint failed.", alder, failed(stderr))
    assert isinstance(error, CheckpointFailed)
    assert error.problem.code == "checkpoint_failed"
    assert error.problem.cause.startswith("The container has open TCP connections.")
    assert error.problem.rule == "tcp-established"
    assert "Connected TCP socket" in error.problem.line
    assert error.problem.options == {"tcp_established": True}
    assert error.diagnosed
    logs = {log.name: log.text for log in error.logs}
    assert "gitid" in logs["dump.log"]
    assert "criu failed: type DUMP" in logs["podman.log"]


async def test_what_podman_quotes_of_a_log_that_has_gone_tells_the_cause_too() -> None:
    """The path of the recorded log does not exist on this machine."""
    stderr = recorded("checkpoint-tcp.stderr")
    error = await explain(CheckpointFailed, "The checkpoint failed.", alder, failed(stderr))
    assert error.problem.options == {"tcp_established": True}


async def test_a_log_that_podman_does_not_name_may_be_given(tmp_path: Path) -> None:
    log = tmp_path / "restore.log"
    log.write_text("(00.02) 1: Error (criu/files-reg.c:2294): File b/file has bad size 12\n")
    said = failed("Error: OCI runtime error: runc: criu failed: type RESTORE errno 0")
    error = await explain(RestoreFailed, "The restore failed.", alder, said, log_path=str(log))
    assert "File b/file has bad size 12" in error.problem.line
    assert "same image by ID" in error.problem.remedy


async def test_what_is_not_known_is_told_word_for_word() -> None:
    said = failed("Error: the moon is in the wrong phase\n")
    error = await explain(RestoreFailed, "The restore failed.", alder, said)
    assert error.problem.cause == "Error: the moon is in the wrong phase"
    assert error.problem.remedy
    assert not error.diagnosed


async def test_a_command_that_says_nothing_still_gives_a_cause() -> None:
    error = await explain(RestoreFailed, "The restore failed.", alder, failed(""))
    assert error.problem.cause == "no output"


async def test_what_no_rule_knows_is_told_by_the_line_that_names_it(tmp_path: Path) -> None:
    log = tmp_path / "dump.log"
    log.write_text(
        "(00.01) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: no\n"
        "(00.02) Error (criu/sk-foo.c:9): Can't dump the frobnicator\n"
        "(00.10) Error (criu/cr-dump.c:1975): Dumping FAILED.\n"
    )
    error = await explain(CheckpointFailed, "It failed.", alder, failed(""), log_path=str(log))
    assert "frobnicator" in error.problem.cause
    assert not error.diagnosed
