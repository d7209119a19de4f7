"""A node's readiness by way of the pages: what is found, what would be done, what was done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from nodes.inventory.membership import look_now
from nodes.models import (
    AuditEvent,
    Container,
    Node,
    Operation,
    OperationKind,
    OperationLog,
    OperationState,
)
from nodes.operations.jobs import JOBS
from nodes.operations.row_report import new_phases
from nodes.problem import Problem
from tests.conftest import browser_of
from tests.factories import make_node, make_operation
from tests.fake_host import FakeHost, recorded
from tests.web.text import text_of

pytestmark = pytest.mark.django_db
CONF = "/etc/containers/containers.conf"
OWN = '# mine\n[engine]\ncgroup_manager = "systemd"  # why\nnum_locks = 2048\n'
EDIT = {"path": CONF, "backup": f"{CONF}.ferry-1", "before": "", "after": "", "previous": {}}


def under_systemd(host: FakeHost) -> None:
    host.answers["podman info"] = (
        recorded("info.json").replace('"cgroupfs"', '"systemd"'), "", 0,
    )  # fmt: skip
    host.files[CONF] = OWN


def node_operation(node: Node, kind: OperationKind, **values: Any) -> Operation:
    defaults = {"state": OperationState.SUCCEEDED, "ended_at": timezone.now()}
    return Operation.objects.create(
        kind=kind,
        source=node,
        source_name=node.name,
        phases=new_phases(JOBS[kind].phases),
        **{**defaults, **values},
    )


def test_the_exact_change_is_shown_before_anything_is_done(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    under_systemd(fake_host)
    node = node_of(fake_host)
    page = text_of(adas_browser.get(f"/nodes/{node.pk}/prepare/"))
    assert '-cgroup_manager = "systemd"  # why' in page
    assert '+cgroup_manager = "cgroupfs"  # why' in page
    assert "keep the cgroup manager and the runtime" in page
    assert not Operation.objects.exists()


def test_the_exact_commands_are_shown_for_a_bare_host(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    fake_host.without_podman()
    fake_host.tools = ["apt-get", "tar", "zstd"]
    node = node_of(fake_host)
    page = text_of(adas_browser.get(f"/nodes/{node.pk}/prepare/"))
    assert "apt-get install --yes --no-remove --no-install-recommends" in page
    assert "podman criu runc iptables" in page
    assert f"+++ {CONF}" in page


def test_what_was_shown_is_what_is_queued(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    under_systemd(fake_host)
    node = node_of(fake_host)
    shown = adas_browser.get(f"/nodes/{node.pk}/prepare/").context["plan"]
    response = adas_browser.post(f"/nodes/{node.pk}/prepare/", {"plan": shown.digest})
    operation = Operation.objects.get()
    assert response["Location"] == operation.get_absolute_url()
    assert operation.options == {"plan": shown.digest}
    assert AuditEvent.objects.get(action="operation.start").detail["node"] == "alder"


def test_nothing_is_started_that_was_not_shown(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    under_systemd(fake_host)
    node = node_of(fake_host)
    response = adas_browser.post(f"/nodes/{node.pk}/prepare/")
    assert response.status_code == 422
    assert '+cgroup_manager = "cgroupfs"  # why' in text_of(response)
    assert not Operation.objects.exists()


def test_a_ready_node_needs_nothing(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host)
    page = text_of(adas_browser.get(f"/nodes/{node.pk}/prepare/"))
    assert "Nothing is missing" in page
    assert 'type="submit">Prepare node' not in page


def test_a_node_that_cannot_be_asked_says_why_instead_of_a_plan(adas_browser: Client) -> None:
    node = make_node()
    page = text_of(adas_browser.get(f"/nodes/{node.pk}/prepare/"))
    assert "alder cannot be reached at 127.0.0.1 port 1" in page


def test_a_busy_node_is_not_prepared(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host)
    make_operation(node, make_node("birch"))
    response = adas_browser.post(f"/nodes/{node.pk}/prepare/", {"plan": "whatever"})
    assert response.status_code == 422
    assert "alder is in use by operation" in text_of(response)
    assert Operation.objects.count() == 1


def test_a_node_that_is_being_prepared_gets_no_container_and_gives_none(
    oscars_browser: Client, counter: Container
) -> None:
    birch = Node.objects.get(name="birch")
    node_operation(birch, OperationKind.PREPARE, state=OperationState.RUNNING, ended_at=None)
    address = f"{counter.get_absolute_url()}migrate/"
    response = oscars_browser.post(address, {"destination": birch.pk})
    assert response.status_code == 422
    assert "birch is in use by operation" in text_of(response)


def test_findings_are_shown_with_a_button_that_mends_them(
    adas_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    under_systemd(fake_host)
    node = node_of(fake_host)
    look_now(node)
    page = text_of(adas_browser.get(node.get_absolute_url()))
    assert "With the systemd cgroup manager a restored container may exit at once." in page
    assert f'href="/nodes/{node.pk}/prepare/"' in page
    assert "Ready, with warnings" in page


def test_only_admins_are_offered_to_prepare(
    oscar: Any, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    under_systemd(fake_host)
    node = node_of(fake_host)
    look_now(node)
    page = text_of(browser_of(oscar).get(node.get_absolute_url()))
    assert "/prepare/" not in page
    assert f'action="/nodes/{node.pk}/selftest/"' in page


def test_a_self_test_is_queued_once(oscars_browser: Client) -> None:
    node = make_node()
    address = f"/nodes/{node.pk}/selftest/"
    first = oscars_browser.post(address)
    assert first["Location"] == Operation.objects.get().get_absolute_url()
    page = oscars_browser.post(address, follow=True)
    assert "in use by operation" in text_of(page)
    assert Operation.objects.count() == 1


def test_a_preparation_that_wrote_a_file_can_be_undone_once(adas_browser: Client) -> None:
    node = make_node()
    node_operation(node, OperationKind.PREPARE, journal={"edits": []})
    former = node_operation(node, OperationKind.PREPARE, journal={"edits": [EDIT]})
    Node.objects.update(facts={"podman_version": "5.8.6"})
    assert "Prepared by Ferry" in text_of(adas_browser.get(node.get_absolute_url()))

    response = adas_browser.post(f"/nodes/{node.pk}/undo-prepare/")
    undo = Operation.objects.get(kind=OperationKind.UNDO_PREPARE)
    assert response["Location"] == undo.get_absolute_url()
    assert undo.options == {"operation": former.pk}

    Operation.objects.filter(pk=undo.pk).update(state=OperationState.SUCCEEDED)
    page = text_of(adas_browser.post(f"/nodes/{node.pk}/undo-prepare/", follow=True))
    assert "There is no preparation of alder to undo." in page
    assert "Prepared by Ferry" not in page


def test_the_log_of_a_failure_is_downloaded_whole_and_never_shown_as_a_page(
    oscars_browser: Client, counter: Container
) -> None:
    operation = make_operation(
        counter.node, Node.objects.get(name="birch"), state=OperationState.FAILED
    )
    text = "<script>alert(1)</script>\n" * 1000
    log = OperationLog.objects.create(
        operation=operation, name="dump.log", node_name="alder", text=text
    )
    page = text_of(oscars_browser.get(operation.get_absolute_url()))
    address = f"{operation.get_absolute_url()}logs/{log.pk}/"
    assert address in page
    response = oscars_browser.get(address)
    assert response.content.decode() == text
    assert response["Content-Type"].startswith("text/plain")
    assert response["Content-Disposition"].startswith("attachment")


def test_a_failure_shows_its_line_and_offers_what_mends_it(
    adas_browser: Client, counter: Container
) -> None:
    birch = Node.objects.get(name="birch")
    problem = Problem(
        code="restore_failed",
        message="counter could not be restored on birch.",
        cause="CRIU is missing or too old on birch.",
        remedy="Install the package criu on birch.",
        rule="criu-missing",
        line="Error: exec: criu: executable file not found in $PATH",
        action="prepare",
        node="birch",
    )
    operation = make_operation(
        counter.node, birch, state=OperationState.FAILED, error=problem.as_dict()
    )
    page = text_of(adas_browser.get(operation.get_absolute_url()))
    assert problem.line in page
    assert f'href="/nodes/{birch.pk}/prepare/"' in page
