"""Start a restore from the catalog, and ask beforehand whether it would work."""

from __future__ import annotations

from collections.abc import Sequence

from asgiref.sync import sync_to_async

from nodes.archives.trust import must_be_confirmed, privileges_digest, refused_privileges
from nodes.finding import Finding, error, ok
from nodes.inventory.connect import open_session
from nodes.models import Archive, ContentsState, Node, Operation, OperationKind
from nodes.operations import restore_preflight
from nodes.operations.archive_jobs import look_at_fleet, restore_plan
from nodes.operations.start import Actor, Refused, failed_selftest, queue_operation
from nodes.podman.options import RestoreOptions


class NotConfirmed(Refused):
    """An archive that was made elsewhere would get more than somebody has agreed to."""

    code = "not_confirmed"


def start_restore(
    user: Actor, archive: Archive, node: Node, options: RestoreOptions, *, confirmed: str = ""
) -> Operation:
    """Queue a restore and return it; ``confirmed`` is the digest of the privileges that were seen.

    Raises Refused, NotConfirmed, AlreadyMoving or NodeInUse.
    """
    if archive.contents_state == ContentsState.UNREADABLE:
        raise Refused(
            f"{archive.name} cannot be read, so it cannot be restored.",
            cause=archive.contents_problem,
            remedy="Choose another archive.",
        )
    _require_trust(archive, confirmed)
    name = options.name or archive.container_name
    return queue_operation(
        user,
        [node],
        require=lambda: _require_alone(archive, node, name),
        kind=OperationKind.RESTORE,
        # A clone gets an ID of its own.
        container_podman_id="" if options.name else archive.container_podman_id,
        container_name=name,
        destination=node,
        destination_name=node.name,
        archive=archive,
        options=options.as_dict(),
    )


def _require_trust(archive: Archive, confirmed: str) -> None:
    if not must_be_confirmed(archive):
        return
    if archive.contents_state != ContentsState.READ:
        raise NotConfirmed(
            f"Nobody knows what {archive.name} would do on a node: its contents are not read.",
            remedy="Read its contents first.",
        )
    if refused := refused_privileges(archive):
        raise NotConfirmed(
            f"{archive.name} was made elsewhere and must not be restored.",
            cause="; ".join(f"{found['what']}: {found['why']}" for found in refused),
            remedy="Export it again from the container that it was made of.",
        )
    if confirmed != privileges_digest(archive):
        raise NotConfirmed(
            f"{archive.name} was made elsewhere: what it would get has to be confirmed first.",
            cause="It runs as root on the node, with all that its own configuration asks for.",
            remedy="Look at what it would get, and confirm it.",
        )


def _require_alone(archive: Archive, node: Node, name: str) -> None:
    # Locked: a deletion that is under way ends before, or finds this operation.
    if not Archive.objects.select_for_update().filter(pk=archive.pk).exists():
        raise Refused(f"{archive.name} is not in the catalog any more.")
    others = Operation.objects.unfinished().filter(
        kind=OperationKind.RESTORE, destination=node, container_name=name
    )
    if other := others.first():
        raise Refused(
            f"Operation {other.pk} already restores a container {name} on {node.name}.",
            remedy="Wait for it, or restore under another name.",
        )


async def preflight_restore(
    archive: Archive, node: Node, options: RestoreOptions
) -> Sequence[Finding]:
    """Ask the node now and change nothing. Raises what the node and the catalog answer."""
    plan = await restore_plan(archive, options)
    async with open_session(node) as session:
        fleet = await look_at_fleet(session, plan, node)
        near = await restore_preflight.look_around(session, plan, fleet)
    found = restore_preflight.examine(near, plan)
    return [
        *await sync_to_async(_trust)(archive),
        *failed_selftest("destination", node),
        *found,
    ]


def _trust(archive: Archive) -> list[Finding]:
    if not must_be_confirmed(archive):
        return []
    if refused := refused_privileges(archive):
        return [
            error(
                "trust",
                "The archive was made elsewhere and must not be restored.",
                "; ".join(f"{found['what']}: {found['why']}" for found in refused),
                "Export it again from the container that it was made of.",
            )
        ]
    return [ok("trust", "Nothing in the archive is beyond what can be confirmed.")]
