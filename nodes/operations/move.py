"""The steps of a migration that can still be rolled back, in their order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from nodes.catalog.store import IncomingFile, Store
from nodes.operations.addresses import restore_options
from nodes.operations.checkpoint import finish_checkpoint, start_checkpoint
from nodes.operations.errors import VolumeAppeared
from nodes.operations.journal import Journal
from nodes.operations.migration_plan import MigrationPlan, Surroundings
from nodes.operations.remote_step import RemoteStep
from nodes.operations.report import Phase, Report
from nodes.operations.restore import (
    clear_container,
    require_restored,
    restore_archive,
    restore_unpacked,
    watch,
)
from nodes.operations.transfer import Transfer
from nodes.operations.uninterrupted import uninterrupted
from nodes.operations.unpack_ahead import UnpackAhead, drop_unpacked
from nodes.podman.argv import volume_names_argv
from nodes.ssh.session import NodeSession


@dataclass(frozen=True, kw_only=True)
class Checkpointed:
    """``last_running_at`` is the site's monotonic clock before the checkpoint was sent."""

    last_running_at: float
    archive_id: int
    incoming: IncomingFile
    statistics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Restored:
    running_at: float
    statistics: dict[str, float]


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
        incoming = self.store.receive()
        try:
            place = str(self.unpack_ahead.place) if self.unpack_ahead else ""
            await self.journal.mark(self.report, checkpoint_sent=True, unpacked_into=place)
            await self.report.log(f"Checkpointing {container.name} on {self.source.name}.")
            last_running_at = _now()
            step, pid = await start_checkpoint(
                self.source, container, self.plan.options.checkpoint, self.plan.archive_path
            )
            async with self.report.phase("transfer") as phase:
                statistics = await self._transfer(incoming, phase, step, pid)
            archive_id = await uninterrupted(self._keep(incoming))
        except BaseException:
            if self.journal.archive_id is None:
                incoming.discard()
            raise
        return Checkpointed(
            last_running_at=last_running_at,
            archive_id=archive_id,
            incoming=incoming,
            statistics=statistics,
        )

    async def _keep(self, incoming: IncomingFile) -> int:
        stored = incoming.keep()
        archive_id = await self.report.keep_archive(
            stored,
            container=self.near.source.container,
            options=self.plan.options.as_dict(),
            versions=self.near.source.host.as_dict(),
        )
        await self.journal.mark(self.report, archive_id=archive_id, archive_bytes=stored.size_bytes)
        return archive_id

    async def _require_no_new_volume(self) -> None:
        # Since preflight somebody may have made one: a rollback must not take it for ours.
        listed = await self.destination.run(volume_names_argv())
        appeared = set(self.journal.new_volumes) & set(listed.stdout.split())
        if appeared:
            raise VolumeAppeared(self.destination.name, sorted(appeared))

    async def _transfer(
        self, incoming: IncomingFile, phase: Phase, step: RemoteStep, pid: int
    ) -> dict[str, float]:
        transfer = self._new_transfer(incoming, phase)
        transfer.unpack_ahead = self.unpack_ahead

        async def finish() -> dict[str, float]:
            async with self.report.phase("checkpoint"):
                total_bytes, statistics = await finish_checkpoint(
                    step,
                    self.near.source.container,
                    self.plan.archive_path,
                    host=self.near.source.host,
                )
            transfer.is_written(total_bytes)
            await self._require_no_new_volume()
            return statistics

        try:
            async with asyncio.TaskGroup() as together:
                statistics = together.create_task(finish())
                together.create_task(transfer.receive(pid))
                together.create_task(transfer.forward())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return statistics.result()

    def _new_transfer(self, incoming: IncomingFile, phase: Phase) -> Transfer:
        return Transfer(
            source=self.source,
            destination=self.destination,
            path=self.plan.archive_path,
            incoming=incoming,
            phase=phase,
        )

    async def restore(self, checkpointed: Checkpointed) -> Restored:
        """Raise RestoreFailed, or VerifyFailed when it does not run afterwards."""
        async with self.report.phase("restore") as phase:
            await self.journal.mark(self.report, restore_sent=True)
            statistics = await self._restore_unpacked()
            if statistics is None:
                await self._ensure_whole_archive(checkpointed, phase)
                statistics = await restore_archive(
                    self.destination,
                    self.near.source.container.name,
                    self.plan.archive_path,
                    restore_options(self.near, self.plan),
                    host=self.near.destination.host,
                )
            await require_restored(
                self.destination, self.plan.container_id, self.near.destination.host
            )
            running_at = _now()
        name, node = self.near.source.container.name, self.destination.name
        downtime_s = running_at - checkpointed.last_running_at
        await self.report.log(f"{name} runs on {node} after {downtime_s:.2f} s of downtime.")
        return Restored(running_at=running_at, statistics=statistics)

    async def _restore_unpacked(self) -> dict[str, float] | None:
        if self.unpack_ahead is None:
            return None
        return await restore_unpacked(
            self.destination,
            self.near.source.container.name,
            self.unpack_ahead,
            restore_options(self.near, self.plan),
            self.near.destination.host,
        )

    async def _ensure_whole_archive(self, checkpointed: Checkpointed, phase: Phase) -> None:
        if self.unpack_ahead is None:
            return
        await self.report.log("Restoring the long way, from the whole archive.", level="warning")
        container_id = self.plan.container_id
        await clear_container(self.destination, container_id, self.journal.new_volumes)
        await drop_unpacked(self.destination, self.journal.unpacked_into, container_id)
        # What a broken connection has left of it goes on from its offset.
        await self._new_transfer(checkpointed.incoming, phase).forward()

    async def verify(self) -> list[str]:
        """Watch the container for a while; return warnings. Raises VerifyFailed."""
        async with self.report.phase("verify"):
            warnings = await watch(
                self.destination,
                self.plan.container_id,
                self.near.source.processes,
                host=self.near.destination.host,
                watch_window_s=self.plan.watch_window_s,
            )
        for text in warnings:
            await self.report.log(text, level="warning")
        return warnings


def _now() -> float:
    return asyncio.get_running_loop().time()
