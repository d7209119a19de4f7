"""Make a node ready: install what is missing, merge containers.conf, look again."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from nodes.finding import Finding, errors_in, worst_level
from nodes.host.checks import readiness_findings
from nodes.host.containers_conf import EditRefused
from nodes.host.facts import HostFacts
from nodes.host.preparation import (
    FileEdit,
    Preparation,
    PreparationImpossible,
    merged_edits,
    plan_preparation,
)
from nodes.inventory.readiness import probe_host
from nodes.operations.config_file import FileChanged, apply_edit, backup_path
from nodes.operations.errors import WorkflowError
from nodes.operations.install_packages import (
    PackagesFailed,
    install_packages,
    wait_for_packages,
)
from nodes.operations.prepare_journal import PrepareJournal
from nodes.operations.recover import Interrupted
from nodes.operations.report import Report
from nodes.ssh.errors import CommandFailed
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import settled

PHASES = ("inspect", "packages", "configuration", "readiness")


class PrepareRefused(WorkflowError):
    """Nothing was changed."""

    code = "prepare_refused"


@dataclass(frozen=True, kw_only=True)
class PrepareResult:
    facts: HostFacts
    findings: list[Finding]
    journal: PrepareJournal

    def as_dict(self) -> dict[str, Any]:
        return {
            "readiness": worst_level(finding.level for finding in self.findings),
            "packages": self.journal.packages,
            "edits": [
                {"path": edit["path"], "backup": edit["backup"]} for edit in self.journal.edits
            ],
        }


async def prepare(
    session: NodeSession, operation_id: int, digest: str, report: Report
) -> PrepareResult:
    """Do what plan_preparation says; with a ``digest`` only exactly what it names.

    Raises PrepareRefused before anything changes, PackagesFailed, FileChanged. Cancelled, it
    lets the package manager finish and goes no further.
    """
    journal = PrepareJournal.parse(await report.journal())
    async with report.phase("inspect"):
        plan = _plan(session.name, await probe_host(session))
        await report.log(_announce(plan))
        if digest and plan.digest != digest:
            raise PrepareRefused(
                f"What was confirmed is not what {session.name} needs now.",
                cause="The node has changed since, or the plan was another one's.",
                remedy="Look at the changes again, then confirm them.",
            )
    await journal.mark(report, planned=plan.keys)
    if plan.commands:
        async with report.phase("packages"):
            await install_packages(session, operation_id, plan, journal, report)
    else:
        await report.skip("packages", "Every package is there.")
    return await _configure(session, journal, report)


async def resume(
    session: NodeSession, operation_id: int, report: Report, *, cancelled: bool = False
) -> PrepareResult:
    """Take up a preparation whose site died: wait for the package manager, then go on.

    Raises PackagesFailed when packages are still missing afterwards, Interrupted when nothing
    had been decided yet, and CancelledError when somebody had cancelled it.
    """
    journal = PrepareJournal.parse(await report.journal())
    await report.log("Asking the node how far it got.")
    await wait_for_packages(session, operation_id)
    if cancelled:
        raise asyncio.CancelledError
    if journal.planned is None:
        raise Interrupted("preparation")
    plan = _plan(session.name, await probe_host(session))
    if plan.packages:
        raise PackagesFailed(
            f"The site was stopped while {session.name} was being prepared.",
            cause=f"Still missing: {', '.join(plan.packages)}.",
            remedy="Prepare the node again.",
        )
    await journal.mark(report, installed=bool(journal.packages))
    return await _configure(session, journal, report)


async def _configure(
    session: NodeSession, journal: PrepareJournal, report: Report
) -> PrepareResult:
    if journal.planned:
        async with report.phase("configuration"):
            facts = await probe_host(session)
            for edit in _merged(session.name, facts, journal):
                if edit.before != edit.after:
                    await settled(_write(session, edit, journal, report))
    else:
        await report.skip("configuration", "The configuration is as it has to be.")
    async with report.phase("readiness"):
        facts = await probe_host(session)
        findings = readiness_findings(facts)
        await report.findings(findings)
        for finding in errors_in(findings):
            await report.log(f"Still to mend: {finding.message}", level="warning")
    return PrepareResult(facts=facts, findings=findings, journal=journal)


def _merged(node: str, facts: HostFacts, journal: PrepareJournal) -> tuple[FileEdit, ...]:
    try:
        return merged_edits(facts, journal.planned or {})
    except EditRefused as error:
        raise _refused(node, str(error)) from error


def _refused(node: str, why: str) -> PrepareRefused:
    return PrepareRefused(
        f"{node} cannot be prepared from here.",
        cause=why,
        remedy="Mend that on the host, then try again.",
    )


def _plan(node: str, facts: HostFacts) -> Preparation:
    try:
        return plan_preparation(facts)
    except PreparationImpossible as error:
        raise _refused(node, str(error)) from error


def _announce(plan: Preparation) -> str:
    lines = [command.line for command in plan.commands]
    lines += [f"{edit.path}: {edit.summary}" for edit in plan.edits]
    return "\n".join(["To do:", *lines]) if lines else "There is nothing to do."


async def _write(
    session: NodeSession, edit: FileEdit, journal: PrepareJournal, report: Report
) -> None:
    # Not *.conf, for Podman would read it.
    backup = "" if edit.before is None else backup_path(edit.path)
    former = [each for each in journal.edits if each["path"] != edit.path]
    noted = {**asdict(edit), "previous": dict(edit.previous), "backup": backup}
    await journal.mark(report, edits=[*former, noted])
    try:
        await apply_edit(session, edit, backup=backup)
    except (CommandFailed, FileChanged):
        # Its last act is to move the new file into place: whatever failed, that was not done.
        await journal.mark(report, edits=former)
        raise
    kept = f" What it was is kept in {backup}." if backup else ""
    await report.log(f"Wrote {edit.path}: {edit.summary}.{kept}")
