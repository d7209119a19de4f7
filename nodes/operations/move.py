"""The steps of a migration that can still be rolled back, in their order."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from nodes.catalog.errors import StoreError
from nodes.catalog.members import Limits
from nodes.catalog.store import IncomingFile, Store
from nodes.operations.addresses import restore_options
from nodes.operations.again import again_when_lost
from nodes.operations.checkpoint import finish_checkpoint, start_checkpoint
from nodes.operations.delivery import Delivery
from nodes.operations.errors import VolumeAppeared
from nodes.operations.held_address import DESTINATION, holding, tell_what_failed
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan, Surroundings
from nodes.operations.own_address import plan_holds
from nodes.operations.receipt import Receipt
from nodes.operations.remote_hash import require_hash
from nodes.operations.remote_step import RemoteStep
from nodes.operations.remove_container import remove_container
from nodes.operations.report import Phase, Report
from nodes.operations.restore import (
    clear_volumes,
    require_restored,
    restore_archive,
    restore_unpacked,
    watch,
)
from nodes.operations.staging import make_staging, remove_staging
from nodes.operations.unpack_ahead import UnpackAhead, drop_unpacked
from nodes.podman.argv import volume_names_argv
from nodes.podman.statistics import parse_statistics
from nodes.ssh.errors import SshError
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import uninterrupted

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Checkpointed:
    """``last_running_at`` is the site's monotonic clock before the checkpoint was sent."""

    last_running_at: float
    incoming: IncomingFile


@dataclass(frozen=True, kw_only=True)
class Move:
    """One container on its way; ``journal`` notes each step before it is taken."""

    source: NodeSession
    destination: NodeSession
    plan: MigrationPlan
    near: Surroundings
    store: Store
    report: Report
    journal: Journal
    unpack_ahead: UnpackAhead | None

    async def checkpoint_and_transfer(self) -> Checkpointed:
        """Freeze the container and bring its archive to the catalog and the destination at once.

        Raises CheckpointFailed, TransferFailed or StoreError.
        """
        container = self.near.source.container
        # Before the freeze: a catalog that cannot be written stops nothing.
        incoming = self.store.receive()
        try:
            place = str(self.unpack_ahead.place) if self.unpack_ahead else ""
            holds = plan_holds(self.near, self.plan)
            await self.journal.mark(
                self.report,
                checkpoint_sent=True,
                unpacked_into=place,
                last_running_at=time.time(),
                holds={side: hold.as_dict() for side, hold in holds.items()},
                incoming_key=incoming.key,
            )
            told = f"Checkpointing {container.name} on {self.source.name}."
            await self.report.log(told, phase="checkpoint")
            last_running_at = _now()
            step, pid = await start_checkpoint(
                self.source, container, self.plan.options.checkpoint, self.plan.archive_path
            )
        except BaseException:
            incoming.discard()
            raise
        await self._bring_over(incoming, step, pid)
        return Checkpointed(last_running_at=last_running_at, incoming=incoming)

    async def transfer_again(self, step: RemoteStep) -> Checkpointed:
        """Take up a checkpoint that another process began: bring over what is not here yet.

        Raises what checkpoint_and_transfer raises.
        """
        await drop_unpacked(self.destination, self.journal.unpacked_into, self.plan.container_id)
        await remove_staging(self.destination, self.plan.folder)
        await make_staging(self.destination, self.plan.folder)
        incoming = await self._take_up_incoming()
        await self._bring_over(incoming, step, await step.pid())
        last_running_at = _now() - self.journal.halted_for_s
        return Checkpointed(last_running_at=last_running_at, incoming=incoming)

    async def _take_up_incoming(self) -> IncomingFile:
        try:
            return await self.store.resume(self.journal.incoming_key)
        except StoreError:
            # It is not on this machine, or was never begun.
            incoming = self.store.receive()
            await self.journal.mark(self.report, incoming_key=incoming.key)
            return incoming

    async def _bring_over(self, incoming: IncomingFile, step: RemoteStep, pid: int) -> None:
        try:
            incoming.start_reading(Limits())
            async with self.report.phase("transfer") as phase:
                statistics = await self._transfer(incoming, phase, step, pid)
            await uninterrupted(self._keep(incoming, statistics))
        except BaseException:
            await uninterrupted(self._keep_or_discard(incoming))
            raise

    async def _keep_or_discard(self, incoming: IncomingFile) -> None:
        """Keep an archive that is whole, though it got no further: it may be all that is left."""
        if self.journal.archive_id is not None:
            return
        try:
            if incoming.complete and not self.report.is_given_away:
                # The row must not promise what the disk has not got.
                await asyncio.to_thread(incoming.sync)
                await self._keep(incoming, {})
        except Exception:
            logger.exception("keeping the archive of operation %s", self.plan.operation_id)
        finally:
            if self.report.is_given_away:
                incoming.leave()
            else:
                incoming.discard()

    async def _keep(self, incoming: IncomingFile, statistics: dict[str, float]) -> None:
        archive_id = await self.report.keep_archive(
            incoming,
            container=self.near.source.container,
            options=self.plan.options.as_dict(),
            versions=self.near.source.host.as_dict(),
        )
        await self.journal.mark(
            self.report,
            archive_id=archive_id,
            archive_bytes=incoming.size_bytes,
            archive_sha256=incoming.facts().sha256,
            checkpoint_statistics=statistics,
        )

    async def _require_no_new_volume(self) -> None:
        # Since preflight somebody may have made one: a rollback must not take it for ours.
        listed = await again_when_lost(lambda: self.destination.run(volume_names_argv()))
        appeared = set(self.journal.new_volumes) & set(listed.stdout.split())
        if appeared:
            raise VolumeAppeared(self.destination.name, sorted(appeared))

    async def _transfer(
        self, incoming: IncomingFile, phase: Phase, step: RemoteStep, pid: int
    ) -> dict[str, float]:
        receipt = Receipt(
            source=self.source,
            path=self.plan.archive_path,
            incoming=incoming,
            report=self.report,
            phase=phase,
        )
        delivery = Delivery(
            destination=self.destination,
            path=self.plan.archive_path,
            cargo=incoming,
            report=self.report,
            phase=phase,
            total_bytes=lambda: receipt.total_bytes,
            unpack_ahead=self.unpack_ahead,
        )

        async def finish() -> dict[str, float]:
            async with self.report.phase("checkpoint"):
                total_bytes, statistics = await finish_checkpoint(
                    step,
                    self.near.source.container,
                    self.plan.archive_path,
                    host=self.near.source.host,
                )
            receipt.is_written(total_bytes)
            await self._require_no_new_volume()
            return statistics

        try:
            async with asyncio.TaskGroup() as together:
                statistics = together.create_task(finish())
                together.create_task(receipt.receive(pid))
                together.create_task(delivery.deliver())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return statistics.result()

    async def restore(self, checkpointed: Checkpointed) -> None:
        """Raise RestoreFailed, or VerifyFailed when it does not run afterwards."""
        async with self.report.phase("restore"):
            await self.journal.mark(self.report, restore_sent=True)
            statistics = await self._restore_unpacked()
            if statistics is None:
                await self._make_way_for_whole_archive()
                said = await restore_archive(
                    self.destination,
                    self.near.source.container.name,
                    self.plan.archive_path,
                    restore_options(self.near, self.plan),
                    host=self.near.destination.host,
                    container=self.plan.container_id,
                    around=holding(self.journal, self.plan, DESTINATION),
                )
                statistics = parse_statistics(said)
            await again_when_lost(
                lambda: require_restored(
                    self.destination, self.plan.container_id, self.near.destination.host
                )
            )
            running_at = _now()
        name, node = self.near.source.container.name, self.destination.name
        downtime_s = running_at - checkpointed.last_running_at
        told = f"{name} runs on {node} after {downtime_s:.2f} s of downtime."
        await self.report.log(told, phase="restore")
        await tell_what_failed(self.destination, self.journal, self.plan, self.report)
        await self.journal.mark(self.report, downtime_s=downtime_s, restore_statistics=statistics)

    async def _restore_unpacked(self) -> dict[str, float] | None:
        if self.unpack_ahead is None:
            return None
        return await restore_unpacked(
            self.destination,
            self.near.source.container.name,
            self.unpack_ahead,
            restore_options(self.near, self.plan),
            self.near.destination.host,
            self.plan.container_id,
            holding(self.journal, self.plan, DESTINATION),
        )

    async def _make_way_for_whole_archive(self) -> None:
        if self.unpack_ahead is None:
            return
        await self.report.log("Restoring the long way, from the whole archive.", level="warning")
        container_id = self.plan.container_id
        await remove_container(self.destination, container_id)
        await clear_volumes(self.destination, self.journal.new_volumes)
        await drop_unpacked(self.destination, self.journal.unpacked_into, container_id)

    async def _compare_source(self) -> list[str]:
        try:
            await require_hash(self.source, self.plan.archive_path, self.journal.archive_sha256)
        except SshError as error:
            # The container runs on the destination, from what the catalog holds.
            return [f"Nobody has compared the hash of what {self.source.name} wrote: {error}"]
        return []

    async def verify(self) -> list[str]:
        """Watch the container for a while and compare all hashes; return warnings.

        Raises VerifyFailed, and TransferFailed when bytes have changed on the way.
        """
        watching = watch(
            self.destination,
            self.plan.container_id,
            self.near.source.processes,
            host=self.near.destination.host,
            watch_window_s=self.plan.watch_window_s,
        )
        sha256 = self.journal.archive_sha256
        async with self.report.phase("verify"):
            try:
                async with asyncio.TaskGroup() as together:
                    watched = together.create_task(watching)
                    compared = together.create_task(self._compare_source())
                    together.create_task(
                        require_hash(self.destination, self.plan.archive_path, sha256)
                    )
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None
        warnings = watched.result() + compared.result()
        for text in warnings:
            await self.report.log(text, level="warning")
        return warnings


def _now() -> float:
    return asyncio.get_running_loop().time()
