"""Every address lets in exactly whom it should. A new one fails here until it is in the table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from nodes.archives.place import archive_store
from nodes.archives.upload import uploads
from nodes.models import ApiToken, Container, Node, OperationLog
from nodes.models.role import Role
from tests.conftest import browser_of, program_of
from tests.factories import make_archive, make_batch, make_operation, make_schedule, make_user
from tests.web.routes import API, PAGES, Who, api_calls, page_routes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
PAGE_METHODS = [(name, method) for name, methods in PAGES.items() for method in methods]
LET_IN = (200, 201, 202, 204, 302, 409, 422, 502)
# No part of the site runs in these tests, and the page for load balancers says so.
UNREADY = 503


@dataclass
class Rows:
    """One of everything, so that every address leads somewhere."""

    container: Container
    operation: int
    log: int
    archive: int
    schedule: int
    batch: int
    item: int

    def address(self, route: str, user: User | None) -> str:
        pks = {
            "node": self.container.node_id,
            "operation": self.operation,
            "archive": self.archive,
            "schedule": self.schedule,
            "batch": self.batch,
            # Nobody else's token may be deleted.
            "token": ApiToken.issue(user, "x")[0].pk if user else 0,
        }
        noun = route.partition("-")[0]
        if route == "upload-pieces":
            return reverse(route, args=[begun_upload(user) if user else "0"])
        if route == "operation-log":
            return reverse(route, args=[self.operation, self.log])
        if route == "batch-skip":
            return reverse(route, args=[self.batch, self.item])
        if route in ("archive-contents", "archive-memory-map"):
            part: str | int = "overview" if route == "archive-contents" else 1
            return reverse(route, args=[self.archive, part])
        if noun == "container" and route != "container-list":
            args: list[Any] = [self.container.node_id, self.container.podman_id]
            if route == "container-action":
                args.append("stop")
        else:
            one_of_many = noun in pks and route not in (f"{noun}-list", f"{noun}-add")
            args = [pks[noun]] if one_of_many else []
        return reverse(route, args=args)

    def api_address(self, path: str) -> str:
        noun = path.split("/")[1]
        pks = {
            "operations": self.operation,
            "archives": self.archive,
            "schedules": self.schedule,
            "batches": self.batch,
        }
        pk = pks.get(noun, self.container.node_id)
        filled = path.replace("{int:pk}", str(pk)).replace("{int:log_pk}", str(self.log))
        filled = filled.replace("{podman_id}", self.container.podman_id)
        filled = filled.replace("{section}", "summary").replace("{int:other}", str(pk))
        filled = filled.replace("{int:item}", str(self.item))
        filled = filled.replace("{path:address}", "no/such/thing")
        return f"/api/v1{filled}"


def person(who: Who) -> User | None:
    """Make one of the cast; making all of them for every address would take seconds."""
    cast = {
        Who.VIEWER: ("vera", Role.VIEWER),
        Who.OPERATOR: ("oscar", Role.OPERATOR),
        Who.ADMIN: ("ada", Role.ADMIN),
    }
    return make_user(*cast[who]) if who in cast else None


def begun_upload(user: User) -> str:
    return async_to_sync(uploads.begin)(archive_store(), user, "counter.tar", 10).key


@pytest.fixture(autouse=True)
def no_uploads() -> Iterator[None]:
    yield
    # They would outlive the test, and the next one's users have the same keys.
    uploads.drop_all()


@pytest.fixture
def rows(counter: Container) -> Rows:
    operation = make_operation(counter.node, Node.objects.get(name="birch"))
    log = OperationLog.objects.create(operation=operation, name="dump.log", node_name="alder")
    batch = make_batch([counter], Node.objects.get(name="birch"))
    return Rows(
        container=counter,
        operation=operation.pk,
        log=log.pk,
        archive=make_archive(counter.node).pk,
        schedule=make_schedule().pk,
        batch=batch.pk,
        item=batch.items.get().pk,
    )


def send(client: Client, method: str, address: str) -> HttpResponse:
    response: HttpResponse = client.generic(method, address)  # type: ignore[assignment]
    return response


def test_every_page_is_in_the_table() -> None:
    assert page_routes() == sorted(PAGES)


def test_every_api_call_is_in_the_table() -> None:
    assert api_calls() == sorted(API)


@pytest.mark.parametrize("who", Who)
@pytest.mark.parametrize("route, method", PAGE_METHODS)
def test_a_page_lets_in_whom_it_should(rows: Rows, route: str, method: str, who: Who) -> None:
    user = person(who)
    address = rows.address(route, user)
    response = send(browser_of(user), method, address)
    if who >= PAGES[route][method]:
        assert response.status_code in ((UNREADY,) if route == "ready" else LET_IN)
        if route != "logout":
            assert not response.headers.get("Location", "").startswith(reverse("login"))
    elif who == Who.ANYBODY:
        assert response.status_code == 302
        assert response["Location"] == f"{reverse('login')}?next={address}"
    else:
        assert response.status_code == 403


@pytest.mark.parametrize("route", PAGES)
def test_a_page_takes_no_other_methods(rows: Rows, ada: User, route: str) -> None:
    # The sign-in page sends those who are signed in on, whatever the method.
    client = browser_of(None if route == "login" else ada)
    methods = {"GET", "POST", "PATCH", "DELETE"}
    for method in methods - set(PAGES[route]):
        response = send(client, method, rows.address(route, ada))
        assert response.status_code == 405, method


@pytest.mark.parametrize("route", [name for name, method in PAGE_METHODS if method == "POST"])
def test_a_post_without_csrf_token_is_refused(rows: Rows, ada: User, route: str) -> None:
    client = browser_of(ada, csrf=True)
    response = send(client, "POST", rows.address(route, ada))
    assert response.status_code == 403


@pytest.mark.parametrize("who", Who)
@pytest.mark.parametrize("method, path", API)
def test_an_api_call_lets_in_whom_it_should(rows: Rows, method: str, path: str, who: Who) -> None:
    user = person(who)
    client = program_of(user) if user else Client()
    response = send(client, method, rows.api_address(path))
    if who >= API[method, path]:
        expected = (404,) if "address" in path else LET_IN
        assert response.status_code in expected
    else:
        assert response.status_code == (403 if user else 401)
    if response.status_code >= 400 and method != "HEAD":
        assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method, path", API)
def test_a_session_opens_nothing_of_the_api(
    rows: Rows, adas_browser: Client, method: str, path: str
) -> None:
    assert send(adas_browser, method, rows.api_address(path)).status_code == 401


@pytest.mark.parametrize("who", Who)
def test_only_admins_enter_the_pages_of_users(who: Who) -> None:
    browser = browser_of(person(who))
    for page in ("index", "auth_user_changelist"):
        response = browser.get(reverse(f"admin:{page}"))
        assert response.status_code == (200 if who == Who.ADMIN else 302)


def test_the_description_of_the_api_is_open_and_names_its_bearer_tokens(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    schemes = document["components"]["securitySchemes"].values()
    assert {(scheme["type"], scheme["scheme"]) for scheme in schemes} == {("http", "bearer")}
    described = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in document["paths"].items()
        for method in methods
    }
    ours = {
        (method, re.sub(r"{int:(\w+)}", r"{\1}", path))
        for method, path in API
        if "address" not in path
    }
    assert described == ours
    assert all(
        call["security"] for methods in document["paths"].values() for call in methods.values()
    )


def test_the_api_has_no_page_with_foreign_assets(adas_browser: Client) -> None:
    assert adas_browser.get("/api/v1/docs").status_code == 401
    assert adas_browser.get("/api/v1/").status_code == 404


def test_tokens_of_others_cannot_be_deleted(adas_browser: Client, vera: User) -> None:
    token, _ = ApiToken.issue(vera, "mine")
    response = adas_browser.post(reverse("token-delete", args=[token.pk]))
    assert response.status_code == 404
    assert ApiToken.objects.filter(pk=token.pk).exists()
