"""Whatever happens while packages are installed, no host is left half installed."""

from __future__ import annotations

import asyncio

import pytest

from nodes.models import OperationState
from nodes.operations.patience import PATIENCE
from nodes.operations.runner import recover_operation, run_operation
from nodes.operations.start import NodeInUse
from nodes.operations.start_node import start_prepare, start_selftest
from tests.integration.dying_site import site_that_dies
from tests.integration.prepared import (
    CONFIGURATION,
    dpkg_is_at_work,
    package_manager_runs,
    packages_are_whole,
    podman_uses,
    until,
)
from tests.integration.site import (
    Site,
    in_phase,
    staging_is_gone,
)
from tests.lab import Host

pytestmark = [pytest.mark.integration, pytest.mark.lab]


async def test_a_cancel_lets_the_package_manager_finish_and_says_what_was_done(
    site: Site, fir: Host
) -> None:
    operation = await site.queue_on(start_prepare, "fir")

    operation = await site.cancel_when(operation, lambda _: dpkg_is_at_work(fir))

    assert operation.state == OperationState.CANCELLED, operation.error
    assert not package_manager_runs(fir)
    assert packages_are_whole(fir)
    assert fir.run(["podman", "--version"]).stdout
    assert "podman, criu, runc" in operation.error["message"]
    assert not fir.path(CONFIGURATION).exists()
    assert staging_is_gone(fir)

    again = await site.prepare("fir")
    assert again.state == OperationState.SUCCEEDED, again.error
    assert again.result["readiness"] == "ok"


@pytest.mark.parametrize("after_s", [0, 1.0])
async def test_a_cancel_before_the_installation_says_that_nothing_was_changed(
    site: Site, fir: Host, after_s: float
) -> None:
    operation = await site.queue_on(start_prepare, "fir")

    # The first command brings the lists up to date; without a mirror that takes some seconds.
    operation = await site.cancel_when(operation, in_phase("packages"), after_s=after_s)

    assert operation.state == OperationState.CANCELLED, operation.error
    assert fir.run(["sh", "-c", "command -v podman criu"], check=False).stdout == ""
    assert packages_are_whole(fir)
    assert "Nothing was changed" in operation.error["message"]
    assert staging_is_gone(fir)


async def test_a_package_manager_that_fails_is_quoted_and_nothing_is_configured(
    site: Site, fir: Host
) -> None:
    fir.run(["sh", "-c", "rm /var/cache/apt/archives/criu_*.deb"])

    operation = await site.prepare("fir")

    assert operation.state == OperationState.FAILED
    assert operation.error["code"] == "packages_failed"
    assert "criu" in await site.log(operation, "packages.log")
    assert "Installed" not in operation.error["message"]
    assert packages_are_whole(fir)
    assert not fir.path(CONFIGURATION).exists()
    assert staging_is_gone(fir)


async def test_a_site_that_dies_while_packages_are_installed_goes_on_where_it_was(
    site: Site, fir: Host
) -> None:
    operation = await site.queue_on(start_prepare, "fir")
    with site_that_dies(operation) as process:
        await until(lambda: dpkg_is_at_work(fir))
        assert process.poll() is None
    assert package_manager_runs(fir)

    await recover_operation(operation.pk)

    await operation.arefresh_from_db()
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert packages_are_whole(fir)
    assert podman_uses(fir) == ("runc", "cgroupfs")
    assert staging_is_gone(fir)
    assert (await site.look("fir")).readiness == "ok"


async def test_a_node_that_is_lost_while_packages_are_installed_is_unknown_and_then_goes_on(
    site: Site, fir: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PATIENCE, "lost_for_s", 2.0)
    operation = await site.queue_on(start_prepare, "fir")
    task = asyncio.create_task(run_operation(operation.pk))
    await until(lambda: dpkg_is_at_work(fir))
    fir.cut()
    await task

    await operation.arefresh_from_db()
    assert operation.state == OperationState.UNKNOWN, operation.error
    assert "Look again" in operation.error["remedy"]
    with pytest.raises(NodeInUse):
        await site.queue_on(start_selftest, "fir")

    fir.mend()
    await recover_operation(operation.pk)

    await operation.arefresh_from_db()
    assert operation.state == OperationState.SUCCEEDED, operation.error
    assert packages_are_whole(fir)
    assert podman_uses(fir) == ("runc", "cgroupfs")
    assert staging_is_gone(fir)
