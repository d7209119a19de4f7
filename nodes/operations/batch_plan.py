"""Ask the nodes once about all containers of a batch, and plan where each of them goes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property

from asgiref.sync import async_to_sync, sync_to_async

from nodes.archives.place import archive_store
from nodes.finding import Finding, Level, errors_in
from nodes.host.facts import HostFacts
from nodes.inventory.connect import address_of
from nodes.inventory.readiness import read_host_facts
from nodes.inventory.site_key import load_site_key
from nodes.models import Container, Node
from nodes.operations.asked_once import AskedOnce
from nodes.operations.balance import Choice, Movable, balance
from nodes.operations.batch_request import BatchRequest, reasons_to_stay
from nodes.operations.migration_plan import MigrationPlan, SourceFacts
from nodes.operations.preflight import examine, look_across, look_at_source
from nodes.operations.start import failed_selftest
from nodes.podman.containers import ContainerDetail
from nodes.podman.options import MigrationOptions
from nodes.problem import FerryError

# Each asks every node; a session itself sends no more than a few commands at once.
_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the preflight of one container says about one node."""

    node: Node
    findings: Sequence[Finding] = ()
    # Why nobody could be asked.
    problem: str = ""

    @property
    def refusal(self) -> str:
        """Return the first reason why the container cannot go there, "" if it can."""
        return self.problem or next((found.message for found in errors_in(self.findings)), "")

    @property
    def level(self) -> str:
        if self.refusal:
            return Level.ERROR
        warned = any(found.level == Level.WARNING for found in self.findings)
        return Level.WARNING if warned else Level.OK


@dataclass(frozen=True, kw_only=True)
class PlannedItem:
    """One container: where it goes, or why it stays."""

    container: Container
    verdicts: Sequence[Verdict] = ()
    memory_bytes: int | None = None
    choice: Choice = field(default_factory=Choice)
    # Somebody's wish, rather than what cannot be helped.
    is_left: bool = False

    @cached_property
    def verdict(self) -> Verdict | None:
        """Return what is said about the destination."""
        return next((each for each in self.verdicts if each.node == self.destination), None)

    @cached_property
    def destination(self) -> Node | None:
        name = self.choice.destination
        return next((each.node for each in self.verdicts if each.node.name == name), None)

    @property
    def findings(self) -> Sequence[Finding]:
        """Return what was found of the destination, or without one what stands in the way."""
        if self.verdict is not None:
            return self.verdict.findings
        if self.is_left:
            return ()
        errors = [found for each in self.verdicts for found in errors_in(each.findings)]
        return list({(found.check, found.message): found for found in errors}.values())


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    request: BatchRequest
    items: Sequence[PlannedItem]
    # Memory that each node has now, and that it would have after the batch.
    free_bytes: Mapping[str, int | None]

    @cached_property
    def moving(self) -> list[PlannedItem]:
        return [item for item in self.items if item.destination is not None]

    @cached_property
    def staying(self) -> list[PlannedItem]:
        return [item for item in self.items if item.destination is None]


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A node's session and what its host told, or why it told nothing."""

    node: Node
    session: AskedOnce
    host: HostFacts | None = None
    problem: str = ""


def plan_batch(request: BatchRequest) -> BatchPlan:
    """Ask all nodes now and change nothing. What they do not answer is said of each container."""
    staying = reasons_to_stay(request)
    asked_about = [each for each in request.containers if each.pk not in staying]
    items, free_bytes = async_to_sync(_ask)(asked_about, request)
    known = {item.container.pk: item for item in items}
    return BatchPlan(
        request=request,
        items=[
            known[each.pk] if each.pk in known else _stays(each, staying[each.pk])
            for each in request.containers
        ],
        free_bytes=free_bytes,
    )


def _stays(container: Container, reason: str) -> PlannedItem:
    return PlannedItem(container=container, choice=Choice(reason=reason))


async def _ask(
    containers: Sequence[Container], request: BatchRequest
) -> tuple[list[PlannedItem], dict[str, int | None]]:
    pair = await sync_to_async(load_site_key)()
    catalog_bytes = await sync_to_async(archive_store().free_bytes)()
    # Where nothing can move nobody needs to be asked.
    needed = [*(each.node for each in containers), *request.candidates] if containers else []
    with ExitStack() as stack:
        sessions = []
        for node in {node.pk: node for node in needed}.values():
            session = AskedOnce(address_of(node), pair.private_key)
            stack.callback(session.close)
            sessions.append((node, session))
        answers = await asyncio.gather(*(_ask_host(*each) for each in sessions))
        asked = {each.node.pk: each for each in answers}
        free = asyncio.Semaphore(_AT_ONCE)

        async def look(container: Container) -> _LookedAt:
            async with free:
                return await _look(container, asked, request, catalog_bytes)

        looked = await asyncio.gather(*(look(container) for container in containers))
    known = {item.container.pk: item for item in looked}
    candidates = {node.pk for node in request.candidates}
    memory = {
        each.node.name: each.host.memory_available_bytes or None if each.host else None
        for each in asked.values()
        if each.node.pk in candidates
    }
    return _with_choices(known, request, memory), memory


async def _ask_host(node: Node, session: AskedOnce) -> _Asked:
    if not node.is_online:
        said = str(node.problem.get("message", "")) if node.problem else ""
        return _Asked(
            node=node, session=session, problem=said or f"{node.name} has not answered yet."
        )
    try:
        return _Asked(node=node, session=session, host=await read_host_facts(session))
    except FerryError as error:
        return _Asked(node=node, session=session, problem=error.problem.message)


@dataclass(frozen=True, kw_only=True)
class _LookedAt(PlannedItem):
    source: SourceFacts | None = None


async def _look(
    container: Container, asked: Mapping[int, _Asked], request: BatchRequest, catalog_bytes: int
) -> _LookedAt:
    """Ask about one container at its node, and everywhere else where it might go."""
    here = asked[container.node_id]
    if here.host is None:
        return _LookedAt(container=container, choice=Choice(reason=here.problem))
    try:
        source = await look_at_source(here.session, container.podman_id, here.host)
    except FerryError as error:
        return _LookedAt(container=container, choice=Choice(reason=error.problem.message))
    others = [asked[node.pk] for node in request.candidates if node.pk != container.node_id]
    verdicts = await asyncio.gather(
        *(
            _judge(container, here, source, there, request.options, catalog_bytes)
            for there in others
        )
    )
    return _LookedAt(
        container=container,
        source=source,
        verdicts=verdicts,
        memory_bytes=sum(process.rss_bytes for process in source.processes),
    )


async def _judge(
    container: Container,
    here: _Asked,
    source: SourceFacts,
    there: _Asked,
    options: MigrationOptions,
    catalog_bytes: int,
) -> Verdict:
    if there.node.host_key == container.node.host_key:
        return Verdict(node=there.node, problem=f"It is the same host as {container.node.name}.")
    if there.host is None:
        return Verdict(node=there.node, problem=there.problem)
    plan = MigrationPlan(operation_id=0, container_id=container.podman_id, options=options)
    try:
        near = await look_across(here.session, there.session, source, there.host, catalog_bytes)
    except FerryError as error:
        return Verdict(node=there.node, problem=error.problem.message)
    proofs = [
        *failed_selftest("source", container.node),
        *failed_selftest("destination", there.node),
    ]
    return Verdict(node=there.node, findings=[*proofs, *examine(near, plan)])


def _with_choices(
    looked: Mapping[int, _LookedAt], request: BatchRequest, free_bytes: Mapping[str, int | None]
) -> list[PlannedItem]:
    left = {pk for pk, node in request.wanted.items() if node is None}
    movable = [
        _movable(item, item.source.container, request)
        for pk, item in looked.items()
        if item.source is not None and pk not in left
    ]
    chosen = balance(movable, free_bytes)
    return [
        PlannedItem(
            container=item.container,
            verdicts=item.verdicts,
            memory_bytes=item.memory_bytes,
            choice=chosen.get(pk, item.choice),
            is_left=pk in left,
        )
        for pk, item in looked.items()
    ]


def _movable(item: PlannedItem, detail: ContainerDetail, request: BatchRequest) -> Movable:
    wanted = request.wanted.get(item.container.pk)
    planned = request.planned.get(item.container.pk)
    return Movable(
        key=item.container.pk,
        name=item.container.name,
        source=item.container.node.name,
        memory_bytes=item.memory_bytes or 0,
        claims=frozenset(_claims(detail, request.options)),
        refused={each.node.name: each.refusal for each in item.verdicts if each.refusal},
        wanted=wanted.name if wanted else "",
        planned=planned.name if planned else "",
    )


def _claims(container: ContainerDetail, options: MigrationOptions) -> Iterable[str]:
    """Say what two containers on one node cannot both have."""
    yield f"the name {container.name}"
    for port in container.ports:
        yield from (f"port {number}/{port.protocol}" for number in port.host_ports if number)
    if not options.ignore_volumes:
        yield from (f"the volume {name}" for name in container.volumes)
    if container.has_fixed_address and not options.ignore_static_ip:
        yield from (f"the address {address}" for address in container.addresses)
