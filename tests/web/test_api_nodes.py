"""Nodes by way of the API: each refusal says what happened and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from nodes.inventory.site_key import load_site_key
from nodes.models import AuditEvent, Node
from tests.factories import HOST_KEY, make_container, make_node, make_operation
from tests.fake_host import FakeHost

pytestmark = pytest.mark.django_db
NODES = "/api/v1/nodes"
JSON = "application/json"


def alder(host: FakeHost, **values: object) -> dict[str, object]:
    return {"name": "alder", "host": "127.0.0.1", "port": host.port, **values}


def test_the_host_key_is_shown_first_and_nothing_is_saved(
    adas_program: Client, fake_host: FakeHost
) -> None:
    response = adas_program.post(NODES, alder(fake_host), content_type=JSON)
    assert response.status_code == 409
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == "host_key_unconfirmed"
    assert problem["host_key"] == {"fingerprint": fake_host.fingerprint, "key": fake_host.host_key}
    assert not Node.objects.exists()


@pytest.mark.parametrize("whole", [True, False])
def test_a_confirmed_host_key_adds_the_node(
    adas_program: Client, fake_host: FakeHost, whole: bool
) -> None:
    fake_host.authorized_keys.append(load_site_key().public_key)
    shown = adas_program.post(NODES, alder(fake_host), content_type=JSON).json()["host_key"]
    confirmed = alder(fake_host, host_key=shown if whole else shown["key"])

    response = adas_program.post(NODES, confirmed, content_type=JSON)

    assert response.status_code == 201, response.content
    node = response.json()
    assert response["Location"] == f"{NODES}/{node['id']}"
    assert (node["state"], node["readiness"], node["problem"]) == ("online", "ok", None)
    assert node["facts"]["podman_version"] == "5.8.6"
    listed = adas_program.get(f"{NODES}/{node['id']}/containers").json()
    assert {row["name"] for row in listed} == {"counter", "web"}
    assert AuditEvent.objects.filter(action="node.add", user_name="ada").count() == 1


def test_a_password_authorises_the_sites_key_once_and_is_told_nobody(
    adas_program: Client, fake_host: FakeHost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    body = alder(fake_host, host_key=fake_host.host_key, password=fake_host.password)
    response = adas_program.post(NODES, body, content_type=JSON)
    assert response.json()["state"] == "online"
    assert fake_host.authorized_keys == [load_site_key().public_key]
    assert fake_host.password not in response.content.decode() + caplog.text
    assert fake_host.password not in str(list(AuditEvent.objects.values()))
    assert fake_host.password not in str(list(Node.objects.values()))


def test_a_wrong_password_adds_nothing_and_says_what_to_do(
    adas_program: Client, fake_host: FakeHost
) -> None:
    body = alder(fake_host, host_key=fake_host.host_key, password="wrong-secret")
    response = adas_program.post(NODES, body, content_type=JSON)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (409, "authentication_refused")
    assert "authorise the site's key by hand" in problem["remedy"]
    assert "wrong-secret" not in response.content.decode()
    assert not Node.objects.exists()


def test_a_password_of_the_wrong_type_is_not_echoed(
    adas_program: Client, fake_host: FakeHost
) -> None:
    response = adas_program.post(NODES, alder(fake_host, password=["s3cr3t"]), content_type=JSON)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].startswith("password")
    assert "s3cr3t" not in response.content.decode()


def test_a_host_that_does_not_answer_is_a_bad_gateway(adas_program: Client) -> None:
    body = {"name": "alder", "host": "127.0.0.1", "port": 1}
    response = adas_program.post(NODES, body, content_type=JSON)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (502, "node_unreachable")
    assert "port" in problem["remedy"]


def _refuse_the_key(host: FakeHost) -> None:
    host.authorized_keys.clear()


def _refuse_sudo(host: FakeHost) -> None:
    host.sudo_error = "sudo: a password is required\n"


@pytest.mark.parametrize(
    "meddle, status, code, remedy",
    [
        (FakeHost.stop, 502, "node_unreachable", "host is up"),
        (_refuse_the_key, 409, "authentication_refused", "public key for ferry"),
        (FakeHost.new_host_key, 409, "host_key_changed", "ssh-keygen -lf"),
        (_refuse_sudo, 409, "sudo_refused", "NOPASSWD"),
    ],
)
def test_readiness_says_why_a_node_cannot_be_used(
    adas_program: Client,
    fake_host: FakeHost,
    node_of: Callable[..., Node],
    meddle: Callable[[FakeHost], None],
    status: int,
    code: str,
    remedy: str,
) -> None:
    node = node_of(fake_host, user="ferry", sudo=True)
    meddle(fake_host)
    response = adas_program.post(f"{NODES}/{node.pk}/readiness")
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert remedy in problem["remedy"]
    node.refresh_from_db()
    assert node.problem["code"] == code


def test_readiness_of_a_host_without_podman_is_a_finding_that_can_be_mended(
    adas_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host)
    fake_host.without_podman()
    response = adas_program.post(f"{NODES}/{node.pk}/readiness")
    found = {finding["check"]: finding for finding in response.json()["findings"]}
    assert (found["podman"]["level"], found["podman"]["fix"]) == ("error", "prepare")
    node.refresh_from_db()
    assert node.problem["code"] == "podman_missing"


def test_readiness_answers_the_findings_of_now(
    adas_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host)
    fake_host.answers["criu check"] = ("", "Error: no userfaultfd\n", 1)
    response = adas_program.post(f"{NODES}/{node.pk}/readiness")
    criu = next(f for f in response.json()["findings"] if f["check"] == "criu")
    assert criu["level"] == "error"
    assert "no userfaultfd" in criu["evidence"]
    assert criu["remedy"]


def test_a_changed_host_key_can_be_pinned_and_is_audited(
    adas_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host)
    fake_host.new_host_key()
    body = {"host_key": fake_host.host_key}
    response = adas_program.patch(f"{NODES}/{node.pk}", body, content_type=JSON)
    assert response.json()["state"] == "online"
    assert response.json()["host_key_fingerprint"] == fake_host.fingerprint
    event = AuditEvent.objects.get(action="node.pin-host-key")
    assert event.detail["fingerprint"] == fake_host.fingerprint


@pytest.mark.parametrize(
    "host_key", ["", "nonsense", "ssh-ed25519 AAAA", {"key": HOST_KEY, "fingerprint": "SHA256:x"}]
)
def test_a_host_key_that_is_none_is_refused(adas_program: Client, host_key: object) -> None:
    node = make_node()
    body = {"host_key": host_key}
    response = adas_program.patch(f"{NODES}/{node.pk}", body, content_type=JSON)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "host_key"
    node.refresh_from_db()
    assert node.host_key == HOST_KEY


def test_a_change_touches_only_what_is_sent(
    adas_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    node = node_of(fake_host, user="ferry", sudo=True)
    response = adas_program.patch(f"{NODES}/{node.pk}", {"name": "rowan"}, content_type=JSON)
    changed = response.json()
    assert (changed["name"], changed["user"], changed["sudo"]) == ("rowan", "ferry", True)
    assert AuditEvent.objects.get(action="node.edit").detail == {"changed": ["name"]}


def test_two_nodes_cannot_have_one_name(adas_program: Client, fake_host: FakeHost) -> None:
    make_node("alder")
    response = adas_program.post(NODES, alder(fake_host), content_type=JSON)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "name"


def test_a_node_is_not_removed_while_an_operation_needs_it(adas_program: Client) -> None:
    alder, birch = make_node("alder"), make_node("birch")
    operation = make_operation(alder, birch)
    response = adas_program.delete(f"{NODES}/{birch.pk}")
    assert (response.status_code, response.json()["code"]) == (409, "node_busy")
    assert f"operation {operation.pk}" in response.json()["detail"]
    assert Node.objects.filter(pk=birch.pk).exists()


@pytest.mark.parametrize(
    "change", [{"host": "::1"}, {"port": 2}, {"user": "ferry"}, {"name": "a", "host_key": HOST_KEY}]
)
def test_a_node_stays_where_it_is_while_an_operation_needs_it(
    adas_program: Client, change: dict[str, object]
) -> None:
    alder, birch = make_node("alder"), make_node("birch")
    make_operation(alder, birch)
    response = adas_program.patch(f"{NODES}/{birch.pk}", change, content_type=JSON)
    assert (response.status_code, response.json()["code"]) == (409, "node_busy")
    former = Node.objects.values().get(pk=birch.pk)
    assert {name: former[name] for name in ("name", "host", "port", "user")} == {
        "name": "birch", "host": "127.0.0.1", "port": birch.port, "user": "root",
    }  # fmt: skip


def test_a_node_that_an_operation_needs_can_be_renamed(adas_program: Client) -> None:
    alder, birch = make_node("alder"), make_node("birch")
    make_operation(alder, birch)
    body = {"name": "rowan", "host": birch.host}
    assert adas_program.patch(f"{NODES}/{birch.pk}", body, content_type=JSON).status_code == 200


def test_a_node_is_removed_with_its_containers(adas_program: Client) -> None:
    node = make_node()
    make_container(node)
    assert adas_program.delete(f"{NODES}/{node.pk}").status_code == 204
    assert adas_program.get(f"{NODES}/{node.pk}").status_code == 404
    assert adas_program.get("/api/v1/containers").json() == {"items": [], "total": 0}
    assert AuditEvent.objects.filter(action="node.remove").exists()


def test_the_public_half_of_the_sites_key_is_shown(adas_program: Client) -> None:
    answer = adas_program.get("/api/v1/site-key").json()
    assert answer == {"public_key": load_site_key().public_key}
