"""What a person typed outlives a wrong value, a lost connection and a session that has ended."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.serving import ServedSite

pytestmark = pytest.mark.browser


@pytest.fixture
def quiet(page: Page) -> Page:
    """Return another page of who is signed in; Chromium calls a lost connection an error."""
    return page.context.new_page()


def fill_in(page: Page) -> None:
    page.goto("/schedules/add/")
    page.wait_for_load_state()
    page.get_by_label("Name", exact=True).fill("nightly")
    page.get_by_label(re.compile("^Names")).fill("web*")


def test_a_form_keeps_what_was_typed_through_errors_lost_connections_and_a_second_click(
    served: ServedSite, quiet: Page
) -> None:
    fill_in(quiet)
    save = quiet.get_by_role("button", name="Save schedule")
    cron = quiet.get_by_label(re.compile("cron", re.IGNORECASE)).first
    cron.fill("61 * * * *")
    save.click()
    # The error stands at its field, which has the focus; the rest is as it was.
    expect(cron).to_be_focused()
    expect(cron).to_have_attribute("aria-invalid", "true")
    expect(quiet.get_by_label("Name", exact=True)).to_have_value("nightly")
    expect(quiet.get_by_label(re.compile("^Names"))).to_have_value("web*")

    cron.fill("0 3 * * *")
    quiet.context.set_offline(True)
    save.click()
    expect(quiet.get_by_role("alert")).to_contain_text("No answer from Ferry")
    expect(cron).to_have_value("0 3 * * *")
    quiet.context.set_offline(False)

    sent: list[Request] = []

    def note(request: Request) -> None:
        # While a person types, the form asks what it would be for.
        if request.method == "POST" and "preview" not in (request.post_data or ""):
            sent.append(request)

    quiet.on("request", note)
    save.dblclick()
    expect(quiet.get_by_role("heading", name="nightly")).to_be_visible()
    assert len(sent) == 1


def test_a_form_of_a_signed_out_session_is_sent_after_signing_in_in_another_tab(
    served: ServedSite, quiet: Page
) -> None:
    password = re.search(r"as admin with the password (\S+)", served.log.read_text())
    assert password is not None
    fill_in(quiet)
    quiet.get_by_label(re.compile("cron", re.IGNORECASE)).first.fill("0 3 * * *")
    quiet.context.clear_cookies(name="sessionid")
    quiet.get_by_role("button", name="Save schedule").click()
    alert = quiet.get_by_role("alert")
    expect(alert).to_contain_text("You are signed out")
    with quiet.context.expect_page() as opening:
        alert.get_by_role("link", name="Sign in again").click()
    other = opening.value
    other.get_by_label("Username").fill("admin")
    other.get_by_label("Password", exact=True).fill(password.group(1))
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", name="Fleet")).to_be_visible()
    quiet.get_by_role("button", name="Save schedule").click()
    expect(quiet.get_by_role("heading", name="nightly")).to_be_visible()
