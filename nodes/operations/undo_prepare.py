"""Undo a preparation: put containers.conf back as it was, or only our keys if it has changed since.

Packages stay: whatever runs there may need them by now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nodes.host.checks import readiness_findings
from nodes.host.containers_conf import EditRefused, read_keys, set_keys
from nodes.host.preparation import FileEdit
from nodes.inventory.readiness import probe_host
from nodes.operations.config_file import apply_edit, backup_path
from nodes.operations.prepare import PrepareRefused, PrepareResult
from nodes.operations.prepare_journal import PrepareJournal
from nodes.operations.report import Report
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import settled

PHASES = ("inspect", "configuration", "readiness")


async def undo_prepare(
    session: NodeSession, edits: Sequence[Mapping[str, Any]], report: Report
) -> PrepareResult:
    """Undo the edits of a PrepareJournal; doing it twice does no harm.

    Raises PrepareRefused when a file can no longer be merged into, and FileChanged.
    """
    journal = PrepareJournal.parse(await report.journal())
    async with report.phase("inspect"):
        facts = await probe_host(session)
        present = {file.path: file.text for file in facts.config_files}
        plan = [reverse_edit(session.name, edit, present.get(edit["path"])) for edit in edits]
    async with report.phase("configuration"):
        # The last edit first, as with any undo.
        for edit in reversed(plan):
            if edit.before != edit.after:
                await settled(_put_back(session, edit, journal, report))
        if not journal.edits:
            await report.log("Every file is as it was before the preparation.")
    async with report.phase("readiness"):
        facts = await probe_host(session)
        findings = readiness_findings(facts)
        await report.findings(findings)
    return PrepareResult(facts=facts, findings=findings, journal=journal)


def reverse_edit(node: str, edit: Mapping[str, Any], present: str | None) -> FileEdit:
    """Return what puts one file back. Raises PrepareRefused."""
    path = edit["path"]
    if present == edit["after"]:
        return FileEdit(path=path, before=present, after=edit["before"])
    if present is None or present == edit["before"]:
        return FileEdit(path=path, before=present, after=present)
    try:
        # Somebody has changed the file since: that stays, another value of our keys too.
        ours, now = read_keys(edit["after"]), read_keys(present)
        back = {
            key: was for key, was in edit["previous"].items() if now.get(key) in (ours[key], None)
        }
        return FileEdit(path=path, before=present, after=set_keys(present, back))
    except EditRefused as refused:
        raise PrepareRefused(
            f"{path} on {node} can no longer be merged into.",
            cause=str(refused),
            remedy=f"Put it back by hand; what it was is in {edit['backup'] or 'no file'}.",
        ) from refused


async def _put_back(
    session: NodeSession, edit: FileEdit, journal: PrepareJournal, report: Report
) -> None:
    backup = backup_path(edit.path)
    await apply_edit(session, edit, backup=backup)
    put_back = {"path": edit.path, "backup": "" if edit.after is None else backup}
    await journal.mark(report, edits=[*journal.edits, put_back])
    await report.log(f"Put back {edit.path}: {edit.summary or 'removed'}.")
