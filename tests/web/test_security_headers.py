"""Every answer tells the browser to run nothing but the site's own files."""

from __future__ import annotations

import pytest
from django.test import Client

from nodes.models import Container

pytestmark = pytest.mark.django_db
PAGES = ["/", "/containers/", "/operations/", "/archives/", "/account/", "/nodes/add/", "/audit/"]


@pytest.mark.parametrize("address", [*PAGES, "/account/login/", "/no/such/page/"])
def test_a_page_may_run_nothing_foreign(
    adas_browser: Client, counter: Container, address: str
) -> None:
    response = adas_browser.get(address)
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in response["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in response["Content-Security-Policy"]
    assert "http" not in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("address", PAGES)
def test_a_page_has_no_inline_script_or_style_and_no_foreign_file(
    adas_browser: Client, counter: Container, address: str
) -> None:
    html = adas_browser.get(address).content.decode()
    for forbidden in ("<style", " style=", "javascript:", " onclick=", " onload=", "//cdn"):
        assert forbidden not in html, forbidden
    for script in html.split("<script")[1:]:
        opening, _, rest = script.partition(">")
        assert 'src="/static/' in opening, opening
        assert rest.startswith("</script>")


def test_what_is_swapped_takes_over_no_style_that_a_script_has_set(adas_browser: Client) -> None:
    # As an attribute the policy forbids it: the button of a form that is being sent has one.
    html = adas_browser.get("/").content.decode()
    assert '"attributesToSettle":[]' in html


def test_a_signed_in_persons_pages_are_kept_in_no_cache(adas_browser: Client) -> None:
    for address in [*PAGES, "/no/such/page/"]:
        assert "no-store" in adas_browser.get(address)["Cache-Control"], address


def test_cookies_are_kept_from_scripts_and_other_sites(client: Client, ada: object) -> None:
    client.post("/account/login/", {"username": "ada", "password": "a long enough one"})
    session = client.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
