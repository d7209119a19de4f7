"""What a person can do when an operation ended without anybody knowing, or without a way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from nodes.audit import audit
from nodes.models import Archive, Container, Operation, OperationKind, OperationState
from nodes.operations.engine import engine
from nodes.operations.errors import RollbackFailed
from nodes.operations.queue import lock_nodes
from nodes.operations.start import (
    Actor,
    AlreadyMoving,
    Refused,
    require_no_action,
    require_not_prepared,
)
from nodes.operations.start_restore import start_restore
from nodes.podman.options import MigrationOptions
from nodes.problem import Problem

LOOK_AGAIN = "look-again"
KEEP = "keep"
SOURCE = "source"
DESTINATION = "destination"
SETTLED = "settled"
_RESTORED_SITE = "restored_from_backup"
_RESTORE_CHOSEN = "restore_chosen"


# A restore that fails removes what it has restored.
_LEFT_NOTHING = (OperationState.FAILED, OperationState.CANCELLED)


class NotAssured(Refused):
    """What nobody can ask a node, somebody has to answer for."""

    code = "not_assured"


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """``assurance`` is what somebody has to answer for; "" if the nodes are asked themselves."""

    way: str
    label: str
    promise: str
    assurance: str = ""

    def as_dict(self) -> dict[str, str]:
        return {
            "way": self.way,
            "label": self.label,
            "promise": self.promise,
            "assurance": self.assurance,
        }


def ways_back(operation: Operation) -> list[WayBack]:
    """Return what can be done now, the safest first."""
    if operation.state == OperationState.FAILED:
        return _of_a_failed_rollback(operation)
    if operation.state != OperationState.UNKNOWN:
        return []
    if operation.error.get("code") == _RESTORED_SITE:
        # Its journal is of another time: nothing on a node may be done because of it.
        return [_settled(operation)]
    ways = [_look_again(operation)]
    if operation.kind == OperationKind.MIGRATE and not operation.journal.get("committed"):
        if _may_be_there(operation):
            ways += [_keep(operation), _on_source(operation)]
        ways += _from_archive(operation)
    return [*ways, _settled(operation)]


def keeper_of(podman_id: str) -> Operation | None:
    """Return the operation that failed and can still bring the container back, if one does.

    What is left of the container then has its state, perhaps nothing else does.
    """
    failed = Operation.objects.filter(
        container_podman_id=podman_id,
        state=OperationState.FAILED,
        error__code__in=(RollbackFailed.code, _RESTORE_CHOSEN),
    )
    return next((each for each in failed.order_by("-pk") if _of_a_failed_rollback(each)), None)


def take_way_back(user: Actor, operation: Operation, way: str, *, assured: bool) -> Operation:
    """Take it; return the operation that goes on: this one, or a restore from the catalog.

    Raises Refused when it is not offered (any more), NotAssured, AlreadyMoving, InAction and what
    start_restore raises.
    """
    with transaction.atomic():
        # Held to the end: of two that choose at once the second sees what the first has done.
        operation = Operation.objects.select_for_update().get(pk=operation.pk)
        _require_offered(operation, way, assured=assured)
        audit(user, f"operation.{way}", operation, operation=operation.pk, assured=assured)
        if way == DESTINATION:
            return _restore_instead(user, operation)
        if way == SETTLED:
            _end(operation, f"{_name(user)} has settled it by hand.")
            return operation
        _reopen(operation, way)
    transaction.on_commit(lambda: engine.recover(operation.pk))
    return operation


def _require_offered(operation: Operation, way: str, *, assured: bool) -> None:
    chosen = next((each for each in ways_back(operation) if each.way == way), None)
    if chosen is None:
        raise Refused(
            f"The operation offers no way back called {way!r} now.",
            remedy="Look at the operation's page for what it offers.",
        )
    if chosen.assurance and not assured:
        raise NotAssured(
            "Somebody has to answer for what no node can be asked.",
            cause=chosen.assurance,
            remedy="See to it, then confirm it.",
        )


def _may_be_there(operation: Operation) -> bool:
    """Tell whether the destination may have what the migration restored."""
    journal = operation.journal
    return bool(
        operation.kind == OperationKind.MIGRATE
        and journal.get("restore_sent")
        and not journal.get("destination_cleared")
    )


def _look_again(operation: Operation) -> WayBack:
    promise = "Asks the nodes once more, and brings the container back if it can."
    if _may_be_there(operation) and not operation.journal.get("committed"):
        promise = (
            f"Asks the nodes once more, and brings {operation.container_name} back on "
            f"{operation.source_name} from its checkpoint. What it did on "
            f"{operation.destination_name} since is lost with that."
        )
    return WayBack(way=LOOK_AGAIN, label="Look again", promise=promise)


def _keep(operation: Operation) -> WayBack:
    name, there = operation.container_name, operation.destination_name
    return WayBack(
        way=KEEP,
        label=f"Keep it on {there}",
        promise=f"If {name} runs on {there} unharmed, and not on {operation.source_name}, the "
        "migration is done. If not, nothing is changed.",
    )


def _on_source(operation: Operation) -> WayBack:
    name, away = operation.container_name, operation.destination_name
    return WayBack(
        way=SOURCE,
        label=f"Restore on {operation.source_name}",
        promise=f"Brings {name} back on {operation.source_name} from its checkpoint there, even if "
        f"{away} does not answer. What {away} has of it is removed as soon as it answers.",
        assurance=f"{away} is off, or {name} does not run there and will not start by itself.",
    )


def _from_archive(operation: Operation) -> list[WayBack]:
    archive = _archive(operation)
    if archive is None or operation.destination is None:
        return []
    name, there = operation.container_name, operation.destination_name
    return [
        WayBack(
            way=DESTINATION,
            label=f"Restore on {there}",
            promise=f"Restores {name} from the archive {archive.name} in the catalog, without "
            f"asking {operation.source_name}.",
            assurance=f"{operation.source_name} is off, or {name} does not run there and will not "
            "start by itself.",
        )
    ]


def _settled(operation: Operation) -> WayBack:
    what = operation.subject
    return WayBack(
        way=SETTLED,
        label="Close it",
        promise=f"Does nothing on any node, and lets other operations on {what} begin.",
        assurance="I have looked at the nodes myself, and seen to the rest by hand.",
    )


def _of_a_failed_rollback(operation: Operation) -> list[WayBack]:
    journal = operation.journal
    code = operation.error.get("code")
    if code not in (RollbackFailed.code, _RESTORE_CHOSEN) or journal.get("committed"):
        return []
    if _has_gone_on(operation):
        return []
    again = WayBack(
        way=SOURCE,
        label=f"Bring it back on {operation.source_name} again",
        # What the destination has by then is asked and removed as at first.
        promise="Tries the rollback once more, from what the checkpoint left there.",
    )
    return [again, *_from_archive(operation)]


def _has_gone_on(operation: Operation) -> bool:
    """Tell whether the container runs somewhere by now, or a later operation had to do with it."""
    same = operation.container_podman_id
    if Container.objects.filter(podman_id=same, state="running").exists():
        return True
    later = Operation.objects.filter(container_podman_id=same, pk__gt=operation.pk)
    return any(_did_something(each) for each in later)


def _did_something(later: Operation) -> bool:
    if later.kind == OperationKind.RESTORE:
        return later.state not in _LEFT_NOTHING
    return bool(
        later.state == OperationState.SUCCEEDED
        or later.journal.get("checkpoint_sent")
        or later.journal.get("restore_sent")
    )


def _archive(operation: Operation) -> Archive | None:
    return (
        operation.archive or Archive.objects.filter(pk=operation.journal.get("archive_id")).first()
    )


def _reopen(operation: Operation, way: str) -> None:
    nodes = [node for node in (operation.source, operation.destination) if node is not None]
    lock_nodes(node.pk for node in nodes)
    require_not_prepared(nodes)
    require_no_action(operation.container_podman_id, operation.container_name)
    journal = operation.journal
    if not journal.get("committed"):
        # Asked for by a person: what is left is taken back, nothing goes forward any more.
        journal = {**journal, "rolling_back": True}
    journal = {
        **journal,
        # What was answered for once may have changed since.
        "destination_excluded": way == SOURCE and operation.state == OperationState.UNKNOWN,
        "kept_on_destination": way == KEEP,
    }
    _change(operation, state=OperationState.UNKNOWN, journal=journal)


def _restore_instead(user: Actor, operation: Operation) -> Operation:
    before = operation.error
    chosen = f"{_name(user)} chose to restore it on {operation.destination_name}"
    # Ended first: only one operation has the container.
    _end(operation, f"{chosen}.", code=_RESTORE_CHOSEN)
    restore = _restore(user, operation)
    operation.error = before
    _end(operation, f"{chosen}: operation {restore.pk}.", code=_RESTORE_CHOSEN)
    return restore


def _end(operation: Operation, told: str, *, code: str = "settled") -> None:
    problem = Problem(
        code=code,
        message=told,
        cause=operation.error.get("message", ""),
        remedy="",
    )
    _change(
        operation, state=OperationState.FAILED, ended_at=timezone.now(), error=problem.as_dict()
    )


def _change(operation: Operation, **values: Any) -> None:
    """Set fields of the row. Raises AlreadyMoving when another operation has the container."""
    try:
        with transaction.atomic():
            Operation.objects.filter(pk=operation.pk).update(**values)
    except IntegrityError:
        others = Operation.objects.unfinished()
        other = others.filter(container_podman_id=operation.container_podman_id).first()
        raise (AlreadyMoving(other) if other else Refused("Something else has begun.")) from None
    operation.refresh_from_db()


def _restore(user: Actor, operation: Operation) -> Operation:
    archive, node = _archive(operation), operation.destination
    if archive is None or node is None:
        raise Refused("The archive or the node is not there any more.")
    return start_restore(user, archive, node, MigrationOptions.parse(operation.options).restore)


def _name(user: Actor) -> str:
    return user.get_username() if user is not None else "The site"
