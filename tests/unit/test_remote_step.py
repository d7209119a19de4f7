"""A step on a node outlives the connection, and whoever knows its folder can go on with it."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path, PurePosixPath

import pytest

from nodes.operations.remote_step import RemoteStep
from nodes.ssh.errors import CommandFailed
from tests.unit.local_session import LocalSession


@pytest.fixture
def step(tmp_path: Path) -> RemoteStep:
    return step_in(tmp_path)


def step_in(folder: Path, session: LocalSession | None = None) -> RemoteStep:
    """Attach to the step of a folder as a new process of the site would."""
    return RemoteStep(
        session=session or LocalSession(),  # type: ignore[arg-type]
        folder=PurePosixPath(folder),
        name="checkpoint",
    )


async def test_a_step_keeps_its_status_and_both_of_its_outputs(step: RemoteStep) -> None:
    await step.start(["sh", "-c", "echo said; echo complained >&2; exit 3"])
    done = await step.wait()
    assert (done.stdout, done.stderr, done.exit_status) == ("said\n", "complained\n", 3)


async def test_arguments_arrive_as_they_are(step: RemoteStep, tmp_path: Path) -> None:
    hostile = ["two words", "$(touch evil)", "line\nbreak", "--", "'", '"', "*", ""]
    await step.start(["printf", "%s|", *hostile])
    assert (await step.wait()).stdout == "|".join(hostile) + "|"
    assert not (tmp_path / "evil").exists()


async def test_the_pid_is_that_of_the_command(step: RemoteStep) -> None:
    """tail follows the archive until this very process has gone."""
    pid = await step.start(["sh", "-c", "echo $$; exec sleep 0.1"])
    assert int((await step.wait()).stdout) == pid


async def test_starting_does_not_wait_for_the_end(step: RemoteStep) -> None:
    async with asyncio.timeout(5):
        await step.start(["sleep", "60"])
    await step.terminate()
    await step.wait()


async def test_a_command_that_is_not_there_ends_with_127(step: RemoteStep) -> None:
    await step.start(["no-such-program"])
    done = await step.wait()
    assert done.exit_status == 127
    assert "not found" in done.stderr


async def test_a_terminated_step_says_so(step: RemoteStep) -> None:
    await step.start(["sleep", "60"])
    await step.terminate()
    assert (await step.wait()).exit_status == 128 + 15


async def test_terminating_what_has_ended_or_never_began_changes_nothing(
    step: RemoteStep, tmp_path: Path
) -> None:
    await step.terminate()
    await step_in(tmp_path / "nowhere").terminate()
    await step.start(["true"])
    await step.wait()
    await step.terminate()
    assert (await step.wait()).exit_status == 0


async def test_another_process_attaches_to_a_step_that_runs(
    step: RemoteStep, tmp_path: Path
) -> None:
    await step.start(["sh", "-c", "sleep 0.2; echo whole"])
    async with asyncio.timeout(5):
        done = await step_in(tmp_path).wait()
    assert (done.stdout, done.exit_status) == ("whole\n", 0)


async def test_another_process_attaches_to_a_step_that_has_ended(
    step: RemoteStep, tmp_path: Path
) -> None:
    await step.start(["sh", "-c", "echo whole; exit 4"])
    await step.wait()
    done = await step_in(tmp_path).wait()
    assert (done.stdout, done.exit_status) == ("whole\n", 4)


async def test_a_lost_connection_does_not_end_the_wait(
    step: RemoteStep, tmp_path: Path, short_pauses: None
) -> None:
    await step.start(["sh", "-c", "sleep 0.1; echo whole"])
    done = await step_in(tmp_path, LocalSession(losses=2)).wait()
    assert (done.stdout, done.exit_status) == ("whole\n", 0)


async def test_a_step_that_has_begun_cannot_be_forbidden(step: RemoteStep, tmp_path: Path) -> None:
    await step.start(["true"])
    assert await step.forbid()
    assert await step_in(tmp_path).forbid()
    assert (await step.wait()).exit_status == 0


async def test_a_forbidden_step_never_begins(step: RemoteStep, tmp_path: Path) -> None:
    assert not await step.forbid()
    with pytest.raises(CommandFailed):
        await step.start(["touch", str(tmp_path / "begun-all-the-same")])
    assert not (tmp_path / "begun-all-the-same").exists()


async def test_start_and_forbid_at_once_have_one_winner(step: RemoteStep, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    started, begun = await asyncio.gather(
        step.start(["touch", str(mark)]), step.forbid(), return_exceptions=True
    )
    if begun:
        await step.wait()
    assert mark.exists() == bool(begun) == (not isinstance(started, BaseException))


async def test_another_process_with_the_same_pid_is_left_alone(
    step: RemoteStep, tmp_path: Path
) -> None:
    bystander = await asyncio.create_subprocess_exec("sleep", "30")
    (tmp_path / "checkpoint.begun").mkdir()
    (tmp_path / "checkpoint.pid").write_text(f"{bystander.pid} 1 another-boot\n")
    try:
        await step.terminate()
        async with asyncio.timeout(10):
            assert (await step.wait()).exit_status == 137
        assert bystander.returncode is None
    finally:
        bystander.kill()
        await bystander.wait()


async def test_steps_of_one_folder_do_not_meddle(step: RemoteStep, tmp_path: Path) -> None:
    other = RemoteStep(session=step.session, folder=step.folder, name="restore")
    await step.start(["echo", "first"])
    await other.start(["echo", "second"])
    assert (await step.wait()).stdout == "first\n"
    assert (await other.wait()).stdout == "second\n"


async def test_nobody_else_may_read_what_a_step_said(step: RemoteStep, tmp_path: Path) -> None:
    await step.start(["echo", "secret"])
    await step.wait()
    files = (path for path in tmp_path.iterdir() if path.is_file())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
    assert set(modes) == {f"checkpoint.{end}" for end in ("pid", "stdout", "stderr", "status")}
    assert set(modes.values()) == {0o600}


async def test_a_step_whose_node_went_down_counts_as_killed(
    step: RemoteStep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart of the node there is a PID of nobody and no status."""
    gone = await asyncio.create_subprocess_exec("true")
    await gone.wait()
    (tmp_path / "checkpoint.pid").write_text(f"{gone.pid}\n")
    # The script gives the status 2 s to appear; here they pass at once.
    (tmp_path / "sleep").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert (await step.wait()).exit_status == 137
