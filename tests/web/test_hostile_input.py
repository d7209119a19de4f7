"""Input that would be a command, a path or markup elsewhere is refused, or shown as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from nodes.models import Archive, Container, Node, Operation
from tests.factories import make_archive, make_container, make_node, make_operation
from tests.fake_host import FakeHost

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
OWNED = Path("/tmp/owned")
HOSTILE = [
    "x; touch /tmp/owned",
    "$(touch /tmp/owned)",
    "`touch /tmp/owned`",
    "x\ntouch /tmp/owned",
    "x && touch /tmp/owned",
    "x | touch /tmp/owned",
    "-oProxyCommand=touch /tmp/owned",
    "--help",
    "'; touch /tmp/owned; '",
    'x" touch "/tmp/owned',
    "../../etc/passwd",
    "x\x00y",
    "<script>alert(1)</script>",
    "{{ 7 }}{% debug %}",
    "a" * 5000,
]
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
JSON = "application/json"


@pytest.fixture(autouse=True)
def nothing_is_owned() -> Any:
    OWNED.unlink(missing_ok=True)
    yield
    assert not OWNED.exists()


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("field", ["name", "host", "user"])
def test_a_nodes_fields_refuse_it(
    adas_browser: Client, adas_program: Client, field: str, text: str
) -> None:
    body = {"name": "alder", "host": "127.0.0.1", "port": 1, "user": "root", field: text}
    page = adas_browser.post("/nodes/add/", body)
    assert page.status_code == 422
    assert MARKUP[:8] + "alert" not in page.content.decode()
    assert page.context["form"].errors[field]
    response = adas_program.post("/api/v1/nodes", body, content_type=JSON)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field
    node = make_node()
    change = adas_program.patch(f"/api/v1/nodes/{node.pk}", {field: text}, content_type=JSON)
    assert change.status_code == 422
    assert not Node.objects.exclude(name="alder", host="127.0.0.1", user="root").exists()


@pytest.mark.parametrize("port", ["-1", "0", "65536", "22; id", "1e9", None, 10**30])
def test_a_port_is_a_port(adas_program: Client, port: object) -> None:
    body = {"name": "alder", "host": "127.0.0.1", "port": port}
    response = adas_program.post("/api/v1/nodes", body, content_type=JSON)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "port"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("field", ["container", "source", "destination"])
def test_an_operations_references_refuse_it(
    oscars_program: Client, counter: Container, field: str, text: str
) -> None:
    body = {
        "kind": "migrate", "source": "alder", "destination": "birch", "container": "counter",
        field: text,
    }  # fmt: skip
    for address in ("/api/v1/operations", "/api/v1/operations/preflight"):
        response = oscars_program.post(address, body, content_type=JSON)
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == field
    assert not Operation.objects.exists()


@pytest.mark.parametrize("text", HOSTILE)
def test_options_refuse_it_as_name_and_as_value(
    oscars_browser: Client, oscars_program: Client, counter: Container, text: str
) -> None:
    body = {"kind": "migrate", "source": "alder", "destination": "birch", "container": "counter"}
    for options in ({text: True}, {"compress": text}, {"keep": text}, {"name": text}):
        response = oscars_program.post(
            "/api/v1/operations", {**body, "options": options}, content_type=JSON
        )
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "options"
    oscars_browser.post(
        reverse("container-migrate", args=[counter.node_id, counter.podman_id]),
        {"destination": Node.objects.get(name="birch").pk, "compress": text},
    )
    assert not Operation.objects.exists()


@pytest.mark.parametrize("text", HOSTILE)
def test_an_archives_name_refuses_it(oscars_program: Client, text: str) -> None:
    archive = make_archive()
    response = oscars_program.patch(
        f"/api/v1/archives/{archive.pk}", {"name": text}, content_type=JSON
    )
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "name"
    archive.refresh_from_db()
    assert archive.name == "counter-20261124-021900"


def test_an_archives_note_is_shown_as_it_is(oscars_browser: Client, oscars_program: Client) -> None:
    archive = make_archive()
    address = f"/api/v1/archives/{archive.pk}"
    response = oscars_program.patch(address, {"note": MARKUP}, content_type=JSON)
    assert response.json()["note"] == MARKUP
    html = oscars_browser.get(archive.get_absolute_url()).content.decode()
    assert "alert(1)" in html
    assert "<script>alert" not in html
    assert "<img src=x" not in html


@pytest.fixture
def hostile_rows() -> Container:
    """What a hostile host may say in every field that is shown."""
    node = make_node("birch")
    node = make_node(
        problem={"code": "x", "message": MARKUP, "cause": MARKUP, "remedy": MARKUP, "options": {}},
        facts={"podman_version": MARKUP, "kernel": MARKUP, "hostname": MARKUP},
        findings=[
            {"check": "criu", "level": "error", "message": MARKUP, "evidence": MARKUP, "remedy": ""}
        ],
    )
    container = make_container(
        node,
        MARKUP,
        image=MARKUP,
        status=MARKUP,
        command=[MARKUP],
        labels={MARKUP: MARKUP},
        mounts=[MARKUP],
        networks=[MARKUP],
        pod=MARKUP,
    )
    archive = make_archive(node, container_name=MARKUP, image=MARKUP, versions={"x": MARKUP})
    operation = make_operation(
        node,
        Node.objects.get(name="birch"),
        container_name=MARKUP,
        archive=archive,
        error={"code": "x", "message": MARKUP, "cause": MARKUP, "remedy": MARKUP, "options": {}},
    )
    operation.events.create(message=MARKUP)
    return container


def test_what_a_host_says_is_shown_as_it_is(adas_browser: Client, hostile_rows: Container) -> None:
    node, archive, operation = hostile_rows.node, Archive.objects.get(), Operation.objects.get()
    addresses = [
        "/",
        "/containers/",
        "/operations/",
        "/archives/",
        f"/containers/?q={MARKUP}",
        f"/archives/?q={MARKUP}",
        f"/operations/?q={MARKUP}",
        node.get_absolute_url(),
        hostile_rows.get_absolute_url(),
        reverse("container-migrate", args=[node.pk, hostile_rows.podman_id]),
        archive.get_absolute_url(),
        operation.get_absolute_url(),
    ]
    for address in addresses:
        html = adas_browser.get(address).content.decode()
        assert "<script>alert" not in html, address
        assert "<img src=x" not in html, address


def test_what_podman_says_is_kept_word_for_word(
    oscars_program: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    row = {"Id": "f" * 64, "Names": [MARKUP], "Image": "$(id)", "State": "running"}
    fake_host.answers["podman ps"] = (json.dumps([row]), "", 0)
    node = node_of(fake_host)
    found = oscars_program.get(f"/api/v1/nodes/{node.pk}/containers?refresh=true").json()
    assert (found[0]["name"], found[0]["image"]) == (MARKUP, "$(id)")


def test_a_hostile_name_reaches_a_host_as_one_word(
    oscars_program: Client, start_host: Callable[[], FakeHost], node_of: Callable[..., Node]
) -> None:
    source, destination = start_host(), start_host()
    hostile = "$(touch /tmp/owned) '; x"
    inspect = json.loads(source.answers["podman container inspect"][0])
    inspect[0]["ImageName"] = hostile
    source.answers["podman container inspect"] = (json.dumps(inspect), "", 0)
    make_container(node_of(source, "alder"))
    node_of(destination, "birch")
    body = {"kind": "migrate", "source": "alder", "destination": "birch", "container": "counter"}
    response = oscars_program.post("/api/v1/operations/preflight", body, content_type=JSON)
    assert response.status_code == 200, response.content
    assert any(argv[-1] == hostile for argv in destination.commands)


@pytest.mark.parametrize(
    "query",
    [
        "q='--",
        "q=%00",
        "state=%27%20or%201=1",
        "node=x;id",
        "node=%C2%B2",
        f"node={'9' * 5000}",
        "q=%25&state=_",
    ],
)
def test_searches_find_nothing_and_break_nothing(
    oscars_browser: Client, oscars_program: Client, counter: Container, query: str
) -> None:
    assert oscars_browser.get(f"/containers/?{query}").status_code == 200
    assert oscars_program.get(f"/api/v1/containers?{query}").status_code == 200
    assert oscars_browser.get(f"/archives/?{query}").status_code == 200
    assert oscars_program.get(f"/api/v1/operations?{query}").status_code == 200


@pytest.mark.parametrize("body", ["{", "[]", "null", '"x"', "\udcff"])
def test_a_body_that_is_no_object_is_a_problem(oscars_program: Client, body: str) -> None:
    response = oscars_program.generic(
        "POST", "/api/v1/operations", body.encode(errors="surrogateescape"), content_type=JSON
    )
    assert response.status_code in (400, 422)
    assert response["Content-Type"] == "application/problem+json"
