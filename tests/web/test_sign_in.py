"""Who is let in at all: sessions, tokens, and the secrets behind them."""

from __future__ import annotations

import hashlib
import io
import json
import stat
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from migrationsite.secret_key import read_or_make_secret_key
from nodes.first_start import make_first_admin
from nodes.inventory.site_key import SiteKeyUnreadable, load_site_key
from nodes.models import ApiToken, AuditEvent, SiteKey
from nodes.models.role import Role, role_of
from tests.conftest import browser_of
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
NODES = "/api/v1/nodes"


def call(authorization: str) -> int:
    client = Client(headers={"authorization": authorization} if authorization else {})
    return client.get(NODES).status_code


def test_a_token_lets_its_user_in_and_its_use_is_noted(vera: User) -> None:
    row, token = ApiToken.issue(vera, "script")
    assert call(f"Bearer {token}") == 200
    row.refresh_from_db()
    assert row.last_used_at


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "x"])
def test_without_a_valid_token_a_call_is_told_how(vera: User, authorization: str) -> None:
    ApiToken.issue(vera, "script")
    response = Client(headers={"authorization": authorization}).get(NODES)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer TOKEN" in response.json()["remedy"]


def test_a_token_ends_with_its_user_or_row(vera: User) -> None:
    row, token = ApiToken.issue(vera, "script")
    User.objects.update(is_active=False)
    assert call(f"Bearer {token}") == 401
    User.objects.update(is_active=True)
    assert call(f"Bearer {token}") == 200
    row.delete()
    assert call(f"Bearer {token}") == 401
    _, another = ApiToken.issue(vera, "script")
    vera.delete()
    assert call(f"Bearer {another}") == 401


def test_only_a_hash_of_a_token_is_kept(vera: User) -> None:
    row, token = ApiToken.issue(vera, "script")
    assert row.digest == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(ApiToken.objects.values())
    assert call(f"Bearer {row.digest}") == 401


def test_a_token_is_shown_once_on_the_account_page(vera: User) -> None:
    client = browser_of(vera)
    shown = client.post("/account/", {"name": "script"}).content.decode()
    token = shown[shown.index("ferry_") :].split("<")[0].split('"')[0]
    assert call(f"Bearer {token}") == 200
    assert token not in client.get("/account/").content.decode()
    assert AuditEvent.objects.get(action="token.create").subject == "script"


@pytest.mark.parametrize("role", Role)
def test_create_token_prints_one_line_and_makes_the_user(role: Role) -> None:
    out = io.StringIO()
    call_command("create_token", user="robot", role=role.value, stdout=out)
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    assert call(f"Bearer {lines[0]}") == 200
    robot = User.objects.get(username="robot")
    assert role_of(robot) == role
    assert not robot.has_usable_password()


def test_the_first_start_makes_one_admin_once(client: Client) -> None:
    password = make_first_admin()
    assert password is not None
    assert make_first_admin() is None
    response = client.post("/account/login/", {"username": "admin", "password": password})
    assert (response.status_code, response["Location"]) == (302, "/")
    assert role_of(User.objects.get()) == Role.ADMIN


def test_signing_in_is_locked_after_repeated_failures(
    client: Client, vera: User, settings: Settings
) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/account/login/", {"username": "vera", "password": "wrong"})
    response = client.post("/account/login/", {"username": "vera", "password": PASSWORD})
    assert response.status_code == 429
    assert client.get("/").status_code == 302
    other = Client(REMOTE_ADDR="192.0.2.7")
    assert other.post(
        "/account/login/", {"username": "vera", "password": PASSWORD}
    ).status_code == 302  # fmt: skip


def test_a_wrong_password_says_so_and_lets_nobody_in(client: Client, vera: User) -> None:
    response = client.post("/account/login/", {"username": "vera", "password": "wrong"})
    assert response.status_code == 200
    assert "password" in response.content.decode()
    assert client.get("/").status_code == 302


def test_signing_in_leads_nowhere_else(client: Client, vera: User) -> None:
    response = client.post(
        "/account/login/?next=https://evil.example/", {"username": "vera", "password": PASSWORD}
    )
    assert response["Location"] == "/"


def test_the_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret_key"
    key = read_or_make_secret_key(path)
    assert len(key) >= 50
    assert read_or_make_secret_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_sites_private_key_is_kept_encrypted(settings: Settings) -> None:
    private_key = load_site_key().private_key
    kept = bytes(SiteKey.objects.get().encrypted_private_key)
    assert b"PRIVATE KEY" not in kept
    assert private_key.splitlines()[1].encode() not in kept
    assert "PRIVATE" not in repr(load_site_key())
    assert load_site_key().private_key == private_key
    settings.SECRET_KEY = "another one"
    with pytest.raises(SiteKeyUnreadable) as unreadable:
        load_site_key()
    assert "former secret key" in unreadable.value.problem.remedy


def test_an_unreadable_site_key_is_a_problem_and_not_a_crash(
    adas_program: Client, settings: Settings
) -> None:
    load_site_key()
    settings.SECRET_KEY = "another one"
    response = adas_program.get("/api/v1/site-key")
    assert (response.status_code, response.json()["code"]) == (500, "site_key_unreadable")


def test_the_private_key_is_in_no_answer(adas_browser: Client, adas_program: Client) -> None:
    lines = load_site_key().private_key.splitlines()[1:-1]
    answers = [
        adas_program.get("/api/v1/site-key").content.decode(),
        adas_browser.get("/nodes/add/").content.decode(),
        json.dumps(adas_program.get("/api/v1/openapi.json").json()),
    ]
    assert not any(line in answer for line in lines for answer in answers)
