"""The catalog as a person meets it: upload, find, tag, download and delete archives."""

from __future__ import annotations

import base64
import hashlib
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import new_context
from tests.serving import ServedSite
from tests.unit.archives import Checkpoint

pytestmark = pytest.mark.browser
UPLOADED_MS = 30_000
# Drops files of the given names and contents on the page, as a file manager does.
DROP = """
files => {
  const data = new DataTransfer();
  for (const [name, base64] of files) {
    const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
    data.items.add(new File([bytes], name));
  }
  const options = {dataTransfer: data, bubbles: true, cancelable: true};
  document.body.dispatchEvent(new DragEvent("dragover", options));
  document.body.dispatchEvent(new DragEvent("drop", options));
}
"""


def an_archive(name: str, size_bytes: int = 1000) -> bytes:
    """Pack one with a file in its root filesystem that cannot be compressed."""
    noise = hashlib.shake_256(name.encode()).digest(size_bytes)
    return Checkpoint(name=name, written={"data/noise": noise}).pack()


@pytest.fixture
def catalog(served: ServedSite) -> list[str]:
    """Keep four archives, the last of them pinned."""
    names = ["alpha", "beta", "gamma", "delta"]
    with served.api() as api:
        for name in names:
            file = {"file": (f"{name}.tar.zst", an_archive(name))}
            kept = api.post("/archives", files=file).raise_for_status().json()
        api.patch(f"/archives/{kept['id']}", json={"pinned": True}).raise_for_status()
    return names


def rows(page: Page) -> list[str]:
    return page.locator("#archive-results td[data-label=Name] a.strong").all_text_contents()


def test_dropped_files_are_uploaded_one_after_another_and_appear_in_the_list(page: Page) -> None:
    page.goto("/archives/")
    expect(page.get_by_text("No archive yet")).to_be_visible()
    files = [
        (f"{name}.tar.zst", base64.b64encode(content).decode())
        for name, content in (
            ("web", an_archive("web", 20 * 1024**2)),
            ("letter", b"Dear all, this is no archive."),
            ("db", an_archive("db")),
        )
    ]
    page.evaluate(DROP, files)
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads.get_by_text("in the catalog")).to_have_count(2, timeout=UPLOADED_MS)
    expect(uploads.get_by_role("alert")).to_contain_text("not a checkpoint archive")
    for name in ("web", "db"):
        expect(
            page.locator("#archive-results").get_by_role("link", name=name, exact=True).first
        ).to_be_visible()
    assert sorted(rows(page)) == ["db", "web"]
    uploads.get_by_role("link", name="Show archive").first.click()
    expect(page.get_by_role("heading", name="web")).to_be_visible()
    expect(page.get_by_text("Uploaded by admin")).to_be_visible()


@pytest.fixture
def unwatched(chromium: Browser, served: ServedSite) -> Iterator[Page]:
    """Sign in with a page that may lose its connection, which is an error in the console."""
    context = new_context(chromium, base_url=served.url)
    page = context.new_page()
    sign_in(page, served)
    yield page
    context.close()


def large_file(folder: Path) -> Path:
    """Write an archive that takes three pieces."""
    file = folder / "large.tar.zst"
    file.write_bytes(an_archive("large", 20 * 1024**2))
    return file


def start_upload(page: Page, file: Path) -> None:
    page.goto("/archives/upload/")
    page.get_by_label("Checkpoint archive").set_input_files(file)
    page.get_by_role("button", name="Upload archive").click()


def test_an_upload_goes_on_where_the_connection_broke(unwatched: Page, tmp_path: Path) -> None:
    offsets: list[int] = []

    def break_the_second(route: Route) -> None:
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if len(offsets) == 2:
                route.abort("connectionreset")
                return
        route.continue_()

    unwatched.route("**/archives/uploads/*/", break_the_second)
    start_upload(unwatched, large_file(tmp_path))
    expect(unwatched.get_by_text("Trying again")).to_be_visible()
    expect(unwatched.get_by_text("in the catalog")).to_be_visible(timeout=UPLOADED_MS)
    piece = 8 * 1024**2
    assert offsets == [0, piece, piece, 2 * piece]
    unwatched.goto("/archives/")
    assert rows(unwatched) == ["large"]


def test_an_upload_begins_anew_when_the_site_was_killed_and_its_first_part_is_gone(
    unwatched: Page, served: ServedSite, tmp_path: Path
) -> None:
    archives = served.data_dir / "archives"
    left: list[int] = []

    def kill_before_the_second(route: Route) -> None:
        if route.request.headers.get("upload-offset", "0") != "0" and not left:
            left.append(len(list((archives / "incoming").iterdir())))
            served.kill()
            served.start()
        route.continue_()

    unwatched.route("**/archives/uploads/*/", kill_before_the_second)
    start_upload(unwatched, large_file(tmp_path))
    expect(unwatched.get_by_text("in the catalog")).to_be_visible(timeout=UPLOADED_MS)
    assert left == [1]
    assert list((archives / "incoming").iterdir()) == []
    assert len([path for path in archives.iterdir() if path.is_file()]) == 1


def sign_in(page: Page, served: ServedSite) -> None:
    password = re.search(r"as admin with the password (\S+)", served.log.read_text())
    assert password is not None
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password", exact=True).fill(password.group(1))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Fleet").wait_for()


def test_a_cancelled_upload_leaves_nothing(served: ServedSite, page: Page, tmp_path: Path) -> None:
    def hold_back(route: Route) -> None:
        if route.request.method != "PATCH" or route.request.headers["upload-offset"] == "0":
            route.continue_()

    page.route("**/archives/uploads/*/", hold_back)
    start_upload(page, large_file(tmp_path))
    expect(page.get_by_text(re.compile("MiB of 20"))).to_be_visible()
    incoming = served.data_dir / "archives" / "incoming"
    assert len(list(incoming.iterdir())) == 1
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("large.tar.zst")).to_have_count(0)
    assert list(incoming.iterdir()) == []


def test_a_cancelled_upload_is_shown_until_the_site_has_agreed(
    served: ServedSite, unwatched: Page, tmp_path: Path
) -> None:
    asked: list[str] = []

    def busy_at_first(route: Route) -> None:
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0":
            return
        if route.request.method == "DELETE":
            asked.append("DELETE")
            if len(asked) == 1:
                problem = {"code": "upload_busy", "message": "A piece is still being written."}
                route.fulfill(status=423, json=problem)
                return
        route.continue_()

    unwatched.route("**/archives/uploads/*/", busy_at_first)
    start_upload(unwatched, large_file(tmp_path))
    expect(unwatched.get_by_text(re.compile("MiB of 20"))).to_be_visible()
    unwatched.get_by_role("button", name="Cancel").click()
    expect(unwatched.get_by_text("Cancelling…")).to_be_visible()
    expect(unwatched.get_by_text("large.tar.zst")).to_have_count(0)
    assert len(asked) == 2
    assert list((served.data_dir / "archives" / "incoming").iterdir()) == []


def test_an_upload_that_was_kept_before_it_could_be_cancelled_leads_to_its_archive(
    unwatched: Page, tmp_path: Path
) -> None:
    def too_late(route: Route) -> None:
        if route.request.method == "DELETE":
            problem = {"code": "upload_kept", "message": "Too late.", "archive": "/archives/7/"}
            route.fulfill(status=409, json=problem)
        elif route.request.headers["upload-offset"] == "0":
            route.continue_()

    unwatched.route("**/archives/uploads/*/", too_late)
    start_upload(unwatched, large_file(tmp_path))
    expect(unwatched.get_by_text(re.compile("MiB of 20"))).to_be_visible()
    unwatched.get_by_role("button", name="Cancel").click()
    expect(unwatched.get_by_text("in the catalog")).to_be_visible()
    link = unwatched.get_by_role("link", name="Show archive")
    expect(link).to_have_attribute("href", "/archives/7/")


@pytest.fixture
def scriptless(chromium: Browser, served: ServedSite) -> Iterator[Page]:
    context = chromium.new_context(base_url=served.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, served)
    yield page
    context.close()


def test_everything_works_without_scripts(
    scriptless: Page, catalog: list[str], tmp_path: Path
) -> None:
    page = scriptless
    file = tmp_path / "plain.tar.zst"
    file.write_bytes(an_archive("plain"))
    start_upload(page, file)
    expect(page.get_by_text("plain is in the catalog.")).to_be_visible()

    page.goto("/archives/")
    page.get_by_role("link", name="Name", exact=True).click()
    assert rows(page) == ["alpha", "beta", "delta", "gamma", "plain"]
    page.get_by_label("Choose alpha").check()
    page.get_by_label("Choose plain").check()
    page.get_by_label("Tag", exact=True).last.fill("plain-tag")
    page.get_by_role("button", name="Add tag").click()
    page.get_by_role("link", name="plain-tag").first.click()
    assert sorted(rows(page)) == ["alpha", "plain"]
    page.get_by_label("Choose plain").check()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete 1 archive").click()
    expect(page.get_by_text("1 archive deleted.")).to_be_visible()
    assert rows(page) == ["alpha"]


def test_the_list_is_filtered_and_sorted_in_place_and_the_address_says_how(
    page: Page, catalog: list[str]
) -> None:
    page.goto("/archives/")
    search = page.get_by_role("searchbox", name=re.compile("sha256"))
    search.press_sequentially("a")
    search.press_sequentially("m")
    expect(page.get_by_text("1 archive", exact=True)).to_be_visible()
    expect(search).to_be_focused()
    assert rows(page) == ["gamma"]
    expect(page).to_have_url(re.compile(r"\?q=am&.*sort=-made$"))
    page.get_by_role("link", name="Remove the filter Text: am").click()
    expect(page.get_by_text("4 archives", exact=True)).to_be_visible()
    expect(search).to_have_value("")
    page.get_by_label("Pinned").select_option("Pinned")
    expect(page.get_by_text("1 archive", exact=True)).to_be_visible()
    page.get_by_role("link", name="Reset filters").click()
    expect(page.get_by_text("4 archives", exact=True)).to_be_visible()
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Name")
    expect(page).to_have_url(re.compile(r"/archives/\?sort=name$"))
    assert rows(page) == ["alpha", "beta", "delta", "gamma"]
    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Made")


def test_the_chosen_are_counted_tagged_and_deleted_after_a_question(
    page: Page, catalog: list[str]
) -> None:
    page.goto("/archives/?sort=name")
    bar = page.get_by_role("form", name="Chosen archives")
    expect(bar).to_be_hidden()
    page.get_by_label("Choose alpha").check()
    page.get_by_label("Choose delta").click(modifiers=["Shift"])
    expect(bar).to_contain_text("3 chosen")
    bar.get_by_label("Tag").fill("old-ones")
    bar.get_by_label("Tag").press("Enter")
    expect(page.get_by_text("3 archives are now tagged old-ones.")).to_be_visible()
    assert page.url.endswith("?sort=name")
    page.wait_for_load_state("load")
    page.get_by_label("Tag").first.select_option("old-ones")
    expect(page.get_by_text("3 archives", exact=True)).to_be_visible()

    page.get_by_label("Choose all on this page").check()
    bar.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete 2 archives?")
    expect(dialog).to_contain_text("The archive is pinned.")
    dialog.get_by_role("link", name="Keep them").click()
    expect(dialog).to_be_hidden()
    expect(bar).to_contain_text("3 chosen")
    bar.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete 2 archives").click()
    expect(page.get_by_text("2 archives deleted.")).to_be_visible()
    assert rows(page) == ["delta"]


def test_the_choice_outlives_what_comes_in_meanwhile(
    page: Page, served: ServedSite, catalog: list[str]
) -> None:
    page.goto("/archives/")
    page.get_by_label("Choose beta").check()
    with served.api() as api:
        api.post("/archives", files={"file": ("new.tar.zst", an_archive("new"))})
    expect(page.get_by_label("Choose new")).to_be_visible()
    expect(page.get_by_label("Choose beta")).to_be_checked()
    expect(page.get_by_role("form", name="Chosen archives")).to_contain_text("1 chosen")


def test_the_chosen_are_downloaded_as_one_tar(page: Page, catalog: list[str]) -> None:
    page.goto("/archives/")
    page.get_by_label("Choose alpha").check()
    page.get_by_label("Choose gamma").check()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download", exact=True).click()
    with tarfile.open(downloading.value.path()) as tar:
        assert sorted(tar.getnames()) == ["SHA256SUMS", "alpha.tar.zst", "gamma.tar.zst"]
        content = tar.extractfile("alpha.tar.zst")
        assert content is not None
        assert content.read() == an_archive("alpha")


def test_the_page_of_its_own_renames_and_shows_the_archive(page: Page, catalog: list[str]) -> None:
    page.goto("/archives/")
    page.get_by_role("link", name="alpha", exact=True).first.click()
    page.goto(f"{page.url}edit/")
    page.get_by_label("Name").fill("on-its-own")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="on-its-own")).to_be_visible()
    expect(page.get_by_role("link", name="Restore")).to_be_visible()


def test_an_archive_is_renamed_pinned_and_verified_in_place(page: Page, catalog: list[str]) -> None:
    page.goto("/archives/")
    page.get_by_role("link", name="alpha", exact=True).first.click()
    page.wait_for_load_state()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name").fill("no good name")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Use up to 255 letters")).to_be_visible()
    # The focus goes there by itself, and must not do so while something is typed elsewhere.
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill("before-upgrade")
    page.get_by_label("Tags").fill("web, team-a")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="before-upgrade")).to_be_visible()
    expect(page.get_by_role("link", name="team-a")).to_be_visible()
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("button", name="Unpin")).to_be_visible()
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("Whole and readable")).to_be_visible()
