"""Note in a node's history what has changed since the last look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nodes.finding import worst_level
from nodes.models import Node, NodeEvent, NodeState

# A node that comes and goes all day must not fill the database.
MOST_EVENTS = 500
# Their evidence are versions and settings; that of the others changes with every look.
_TOLD_BY_EVIDENCE = ("podman", "kernel", "runtime", "cgroup-manager", "selftest")
# Somebody has asked for it; any other check that begins to pass is no news.
_TOLD_WHEN_NEW = ("selftest",)
_STATE = "state"
_LEVELS = {
    NodeState.ONLINE: "ok",
    NodeState.UNREACHABLE: "warning",
    NodeState.BLOCKED: "error",
    NodeState.CONNECTING: "",
}
Stored = Mapping[str, Any]


def note_changes(node: Node, findings: Sequence[Stored]) -> bool:
    """Note each finding that tells something else than the node's own; return whether one does."""
    if not node.findings:
        worst = worst_level(finding["level"] for finding in findings)
        marked = [finding["message"] for finding in findings if finding["level"] != "ok"]
        message = " ".join(marked) or "Every check passed."
        _add(node.pk, check_name="readiness", level=worst, message=f"First look: {message}")
        return True
    news = False
    former = {finding["check"]: finding for finding in node.findings}
    for finding in findings:
        before = former.pop(finding["check"], None)
        if before is None and finding["level"] == "ok" and finding["check"] not in _TOLD_WHEN_NEW:
            continue
        if before is None or _differs(before, finding):
            news = True
            _add(
                node.pk,
                check_name=finding["check"],
                level_before=before["level"] if before else "",
                level=finding["level"],
                message=finding["message"],
                evidence=finding["evidence"],
            )
    for gone in former.values():
        if gone["level"] != "ok":
            news = True
            message = f"No longer found: {gone['message']}"
            _add(node.pk, check_name=gone["check"], level_before=gone["level"], message=message)
    return news


def note_state(node_id: int, state: NodeState, message: str, evidence: str = "") -> None:
    """Note that the node has come, gone, or cannot be used any more."""
    _add(node_id, check_name=_STATE, level=_LEVELS[state], message=message, evidence=evidence)


def _differs(before: Stored, after: Stored) -> bool:
    if before["level"] != after["level"]:
        return True
    # What fails tells the time of day in its evidence, and more that changes with every look.
    told = after["check"] in _TOLD_BY_EVIDENCE and after["level"] == "ok"
    return told and (before["message"], before["evidence"]) != (after["message"], after["evidence"])


def _add(node_id: int, **what: str) -> None:
    event = NodeEvent.objects.create(node_id=node_id, **what)
    kept = NodeEvent.objects.filter(node_id=node_id).values("pk")[MOST_EVENTS : MOST_EVENTS + 1]
    if oldest := kept.first():
        NodeEvent.objects.filter(node_id=event.node_id, pk__lte=oldest["pk"]).delete()
