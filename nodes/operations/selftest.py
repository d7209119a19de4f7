"""Prove that a node can checkpoint and restore: run containers there, freeze, thaw, look, tidy up.

No registry is needed: the image is the node's own bash with its libraries. Once it runs in the
host's network and once in Podman's default one, which also proves netavark.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from nodes.host.facts import HostFacts
from nodes.host.selftest_result import versions_of
from nodes.inventory.readiness import read_host_facts
from nodes.operations.errors import VerifyFailed, WorkflowError
from nodes.operations.failure import explain, facts_for_diagnosis
from nodes.operations.quietly import say
from nodes.operations.remote_step import RemoteStep
from nodes.operations.report import Report
from nodes.operations.restore import require_restored
from nodes.operations.selftest_program import (
    BUILD,
    CLEAR,
    PROGRAM,
    Reading,
    parse_reading,
)
from nodes.operations.staging import make_staging, remove_staging, staging_folder
from nodes.podman import argv
from nodes.podman.options import CheckpointOptions, RestoreOptions
from nodes.podman.statistics import parse_statistics
from nodes.problem import FerryError
from nodes.ssh.session import NodeSession
from nodes.uninterrupted import settled, uninterrupted

PHASES = ("image", "run", "checkpoint", "restore", "verify", "clean-up")
DEFAULT_NETWORK = "podman"
# A checkpoint or a restore of some hundred pages; on a very busy host it has taken seconds.
STEP_TIMEOUT_S = 120.0
CLEAN_UP_TIMEOUT_S = 120.0
_PATIENCE_S = 20.0
_COUNTS_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.2


class SelftestFailed(WorkflowError):
    """The node cannot checkpoint and restore a container, whatever its readiness says."""

    code = "selftest_failed"


@dataclass(kw_only=True)
class Selftest:
    """One run on one node; its names are of its operation, so that no other is in its way."""

    session: NodeSession
    operation_id: int
    # Of the site, so that two sites with the same node do not tidy up after each other.
    site: str
    report: Report
    watch_window_s: float = 2.0
    statistics: dict[str, dict[str, float]] = field(default_factory=dict)
    # What the node was like when it began; None before it has answered.
    host: HostFacts | None = None

    @property
    def folder(self) -> PurePosixPath:
        return staging_folder(self.operation_id)

    @property
    def image(self) -> str:
        return f"localhost/ferry-selftest:{self.site}-{self.operation_id}"

    @property
    def label(self) -> str:
        return f"ferry.selftest={self.site}"

    @property
    def containers(self) -> dict[str, str]:
        """Return the network of each container by its name."""
        name = f"criu-test-{self.operation_id}"
        return {name: "host", f"{name}-{DEFAULT_NETWORK}": DEFAULT_NETWORK}

    async def run(self) -> dict[str, Any]:
        """Return versions and figures. Raises SelftestFailed and what the session raises."""
        self.host = host = await read_host_facts(self.session)
        try:
            names = await self._start(host)
            for name in names:
                await self._wait_beyond(name, None)
            before = await self._checkpoint(names, host)
            await self._restore(names, host)
            await self._verify(before, host)
        finally:
            await uninterrupted(self.clean_up())
        return {"versions": versions_of(host), "statistics": self.statistics}

    async def _start(self, host: HostFacts) -> list[str]:
        await settled(make_staging(self.session, self.folder))
        # What is left of one whose node was lost.
        await self._clear()
        async with self.report.phase("image"):
            build = ["sh", "-c", BUILD, "build-image", str(self.folder), self.image, self.label]
            await self._step("image", build, "The image for the self-test was not made", host)
        networks = (await self.session.run(argv.network_names_argv())).stdout.split()
        names = [
            name
            for name, network in self.containers.items()
            if network == "host" or network in networks
        ]
        async with self.report.phase("run"):
            for name in names:
                network = self.containers[name]
                await self.report.log(f"Starting {name} in the network {network}.")
                command = argv.selftest_run_argv(name, network, self.image, PROGRAM)
                what = f"A container was not started in the network {network}"
                await self._step(f"run-{name}", command, what, host)
        return names

    async def _checkpoint(self, names: list[str], host: HostFacts) -> dict[str, Reading]:
        """Return the last that each container said before it was frozen."""
        before = {}
        async with self.report.phase("checkpoint"):
            for name in names:
                command = argv.checkpoint_argv(
                    name, CheckpointOptions(), export=self._archive(name)
                )
                await self._step(
                    f"checkpoint-{name}", command, f"{name} was not checkpointed", host
                )
                # Only now: the log travels in the archive, and all that it holds by now proves
                # nothing when it is read after the restore.
                before[name] = await self._wait_beyond(name, None)
                await self.session.run(argv.remove_argv(name))
        return before

    async def _restore(self, names: list[str], host: HostFacts) -> None:
        async with self.report.phase("restore"):
            for name in names:
                command = argv.import_argv(self._archive(name), RestoreOptions())
                await self._step(f"restore-{name}", command, f"{name} was not restored", host)

    async def _step(self, step_name: str, command: list[str], what: str, host: HostFacts) -> None:
        step = RemoteStep(session=self.session, folder=self.folder, name=step_name)
        await settled(step.start(command))
        try:
            async with asyncio.timeout(STEP_TIMEOUT_S):
                done = await step.wait()
        except TimeoutError as error:
            raise SelftestFailed(
                f"{what} on {self.session.name} within {STEP_TIMEOUT_S:g} s.",
                cause=f"`{' '.join(command[:3])}` did not end.",
                remedy="Look on the host what it waits for, then run the self-test again.",
            ) from error
        if done.exit_status != 0:
            facts = facts_for_diagnosis(self.session.name, host)
            message = f"{what} on {self.session.name}."
            raise await explain(SelftestFailed, message, self.session, done, facts=facts)
        if statistics := parse_statistics(done.stdout):
            self.statistics[step_name] = statistics

    async def _verify(self, before: dict[str, Reading], host: HostFacts) -> None:
        async with self.report.phase("verify"):
            for name, former in before.items():
                await self._require_running(name, host)
                reading = await self._wait_beyond(name, former)
                await self.report.log(
                    f"{name} counted from {former.count} to {reading.count}, its memory intact."
                )
            await asyncio.sleep(self.watch_window_s)
            for name in before:
                await self._require_running(name, host)

    async def _require_running(self, name: str, host: HostFacts) -> None:
        try:
            await require_restored(self.session, name, host)
        except VerifyFailed as failure:
            raise _as_selftest_failure(failure) from failure

    async def _wait_beyond(self, name: str, former: Reading | None) -> Reading:
        clock = asyncio.get_running_loop().time
        until = clock() + _COUNTS_WITHIN_S
        while clock() < until:
            printed = await self.session.run(argv.logs_argv(name, tail=1), check=False)
            reading = parse_reading(printed.stdout)
            if reading and (former is None or reading.count > former.count):
                return _require_intact(name, former, reading)
            await asyncio.sleep(_LOOK_EVERY_S)
        raise SelftestFailed(
            f"{name} does not count on {self.session.name}.",
            cause=(printed.stdout + printed.stderr).strip()[-500:] or "It printed nothing.",
            remedy="Look at the node's load and at `podman logs`, then run the self-test again.",
        )

    def _archive(self, name: str) -> PurePosixPath:
        return self.folder / f"{name}.tar"

    async def clean_up(self) -> None:
        """Remove all that a run makes on the node; what cannot be removed is said."""
        try:
            async with self.report.phase("clean-up"), asyncio.timeout(CLEAN_UP_TIMEOUT_S):
                await self._let_steps_end()
                await self._clear()
                await remove_staging(self.session, self.folder)
        except (FerryError, TimeoutError) as error:
            why = str(error) or f"the clean-up did not end within {CLEAN_UP_TIMEOUT_S:g} s"
            await say(self.report, f"Something of the self-test is left: {why}", level="warning")

    async def _clear(self) -> None:
        await self.session.run(["sh", "-c", CLEAR, "clear", self.label], check=False)

    async def _let_steps_end(self) -> None:
        """See to it that nothing of this run is under way on the node, or will ever begin."""
        verbs = ("run", "checkpoint", "restore")
        names = ["image", *(f"{verb}-{name}" for name in self.containers for verb in verbs)]
        for name in names:
            step = RemoteStep(session=self.session, folder=self.folder, name=name)
            if await step.forbid():
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        await step.wait()
                except TimeoutError:
                    # Everything that it does is thrown away.
                    await step.terminate()


def _require_intact(name: str, former: Reading | None, reading: Reading) -> Reading:
    restarted = former is not None and former.nonce != reading.nonce
    if restarted or reading.errors:
        raise SelftestFailed(
            f"{name} came back, but not with its memory.",
            cause="It was started afresh." if restarted else f"{reading.errors} errors in memory.",
            remedy="Do not move containers to or from this node; compare its versions with others.",
        )
    return reading


def _as_selftest_failure(failure: VerifyFailed) -> SelftestFailed:
    told = failure.problem.as_dict()
    del told["code"]
    error = SelftestFailed(told.pop("message"), **told)
    error.logs, error.diagnosed = failure.logs, failure.diagnosed
    return error
