"""Install packages on a node with its own package manager."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath

from nodes.host.preparation import Preparation
from nodes.operations.errors import FetchedLog, StateUnknown, WorkflowError
from nodes.operations.failure import explain_text
from nodes.operations.prepare_journal import PrepareJournal
from nodes.operations.remote_step import RemoteStep, StepUnclear
from nodes.operations.report import Report
from nodes.operations.staging import make_staging, remove_staging, staging_folder
from nodes.ssh.errors import NodeUnreachable
from nodes.ssh.session import Completed, NodeSession
from nodes.uninterrupted import settled, uninterrupted

_SHOWN_LINES = 20
# As install_commands gives: to bring the lists up to date, to install, and what is only welcome.
_MOST_COMMANDS = 3


class PackagesFailed(WorkflowError):
    code = "packages_failed"


async def install_packages(
    session: NodeSession,
    operation_id: int,
    plan: Preparation,
    journal: PrepareJournal,
    report: Report,
) -> None:
    """Run the plan's commands, detached, so that no host is left half installed.

    Cancelled, it lets the package manager finish first. Raises PackagesFailed, and StateUnknown
    when the node is lost meanwhile: the package manager goes on without us.
    """
    work = _Installation(
        session=session,
        folder=staging_folder(operation_id),
        plan=plan,
        journal=journal,
        report=report,
    )
    try:
        await work.run()
    except asyncio.CancelledError:
        await uninterrupted(work.finish())
        raise
    except (NodeUnreachable, StepUnclear) as error:
        raise StateUnknown(
            f"The connection to {session.name} was lost while packages were being installed.",
            cause=f"{error.problem.message} {error.problem.cause}".strip(),
            remedy=f"The package manager goes on by itself. Once {session.name} answers again, "
            "choose Look again: the preparation then goes on from there.",
            node=session.name,
        ) from error


@dataclass(frozen=True, kw_only=True)
class _Installation:
    session: NodeSession
    folder: PurePosixPath
    plan: Preparation
    journal: PrepareJournal
    report: Report

    async def run(self) -> None:
        await settled(make_staging(self.session, self.folder))
        printed = ""
        for number, command in enumerate(self.plan.commands):
            await self.report.log(f"$ {command.line}")
            if not command.may_fail:
                await self.journal.mark(self.report, packages=list(self.plan.packages))
            step = _step(self.session, self.folder, number)
            await settled(step.start(command.argv))
            done = await step.wait()
            told = "Failed to fetch" in done.stderr or done.exit_status != 0
            await self.report.log(_last_lines(done), level="warning" if told else "info")
            # A list that could not be brought up to date may be why a package is not known.
            printed += f"$ {command.line}\n{done.stdout}{done.stderr}\n"
            if command.may_fail:
                continue
            if done.exit_status != 0:
                await remove_staging(self.session, self.folder)
                raise _packages_failed(self.session, printed)
            await self.journal.mark(self.report, installed=True)
        await remove_staging(self.session, self.folder)

    async def finish(self) -> None:
        """Wait for what has begun: a package manager that is cut off leaves a half-made host."""
        for number, command in enumerate(self.plan.commands):
            step = _step(self.session, self.folder, number)
            if await step.forbid():
                done = await step.wait()
                if not command.may_fail:
                    await self.journal.mark(self.report, installed=done.exit_status == 0)
            elif not command.may_fail:
                await self.journal.mark(self.report, packages=[])
        await remove_staging(self.session, self.folder)


async def wait_for_packages(session: NodeSession, operation_id: int) -> None:
    """See to it that no command of this operation runs or will ever begin."""
    folder = staging_folder(operation_id)
    for number in range(_MOST_COMMANDS):
        step = _step(session, folder, number)
        if await step.forbid():
            await step.wait()
    await remove_staging(session, folder)


def _step(session: NodeSession, folder: PurePosixPath, number: int) -> RemoteStep:
    return RemoteStep(session=session, folder=folder, name=f"packages-{number}")


def _last_lines(done: Completed) -> str:
    printed = (done.stdout + done.stderr).split("\n")
    # dpkg draws over its progress again and again: what is left at the end is what it says.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in printed if line.strip()]
    return "\n".join([*lines[-_SHOWN_LINES:], f"It ended with status {done.exit_status}."])


def _packages_failed(session: NodeSession, printed: str) -> PackagesFailed:
    error = explain_text(
        PackagesFailed,
        f"The package manager of {session.name} could not install what is missing.",
        session.name,
        printed,
        remedy="See what the package manager says below, mend it, then prepare the node again.",
    )
    error.logs = [FetchedLog(name="packages.log", node=session.name, text=printed)]
    return error
