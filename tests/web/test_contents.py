"""The pages about what is inside an archive."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from nodes.models import Archive, ContentsState
from nodes.views.contents_panels import LOG, TABS
from tests.factories import make_archive, make_node
from tests.web.contents_rows import MIB, SECTIONS, contents, give_contents
from tests.web.text import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def archive(db: None) -> Archive:
    return give_contents(make_archive(make_node()))


def panel(browser: Client, archive: Archive, section: str, **params: str) -> str:
    """Return the text of the panel alone: the page's frame names the archive too."""
    address = (
        reverse("archive-log", args=[archive.pk])
        if section == "log"
        else reverse("archive-contents", args=[archive.pk, section])
    )
    response = browser.get(address, params)
    assert response.status_code == 200
    return text_of(response).partition('<section class="contents__panel"')[2]


@pytest.mark.parametrize(
    "section, facts",
    [
        ("overview", ["localhost/webby:latest", "/bin/webby --listen 8090", "310 ms", "153 µs"]),
        ("processes", ["sh -c sleep 9", "2 threads", "/srv", "SECRET", "48.0 MiB"]),
        ("memory", ["Heap", "32.0 MiB", "48.0 MiB", "of 96.0 MiB"]),
        ("files", ["/dev/null", "/data/log", "512"]),
        ("sockets", ["0.0.0.0:8090", "10.88.0.1:40312", "listen", "established"]),
        ("mounts", ["/data", "webby-data", "in the archive", "2.0 KiB in 2 files"]),
        ("rootfs", ["var/lib/app", "96 B", "passwd", "deleted", "-rw-r--r--"]),
        ("networks", ["8090", "10.88.0.5/16", "via 10.88.0.1"]),
        ("privileges", ["Nothing: its capabilities"]),
        ("spec", ["ociVersion", "1.2.1"]),
        ("config", ["logDriver", "k8s-file"]),
        ("log", ["listening on 8090", "saved <b>7</b>"]),
    ],
)
def test_a_page_shows_its_part(
    oscars_browser: Client, archive: Archive, section: str, facts: list[str]
) -> None:
    html = panel(oscars_browser, archive, section)
    for fact in facts:
        assert fact in html


def test_every_part_is_one_link_away_from_the_archives_page(
    oscars_browser: Client, archive: Archive
) -> None:
    html = text_of(oscars_browser.get(archive.get_absolute_url()))
    for tab in TABS:
        assert f'href="/archives/{archive.pk}/contents/{tab.slug}/"' in html


def test_an_unknown_part_is_not_there(oscars_browser: Client, archive: Archive) -> None:
    address = reverse("archive-contents", args=[archive.pk, "secrets"])
    assert oscars_browser.get(address).status_code == 404


def test_a_viewer_sees_no_way_to_what_only_operators_may_see(
    client: Client, vera: object, archive: Archive
) -> None:
    client.force_login(vera)  # type: ignore[arg-type]
    html = text_of(client.get(reverse("archive-contents", args=[archive.pk, "processes"])))
    assert reverse("archive-log", args=[archive.pk]) not in html
    assert "Show values" not in html


@pytest.mark.parametrize(
    "section, search, there, gone",
    [
        ("processes", "SLEEP", "sh -c", "--listen"),
        ("files", "data", "/data/log", "/dev/null"),
        ("sockets", "listen", "0.0.0.0:8090", "40312"),
        ("rootfs", "state", "state", "passwd"),
        ("spec", "secret", "SECRET=•••", "ociVersion"),
        ("config", "podman", "newNetworks", "k8s-file"),
        ("log", "SAVED", "saved", "listening"),
    ],
)
def test_a_search_leaves_what_fits(
    oscars_browser: Client, archive: Archive, section: str, search: str, there: str, gone: str
) -> None:
    html = panel(oscars_browser, archive, section, q=search).partition('id="found"')[2]
    assert there in html.replace("<mark>", "").replace("</mark>", "")
    assert gone not in html


@pytest.mark.parametrize(
    "section", ["processes", "files", "sockets", "rootfs", "spec", "config", "log"]
)
def test_a_search_without_a_result_says_so(
    oscars_browser: Client, archive: Archive, section: str
) -> None:
    assert "Nothing holds “zzz”" in panel(oscars_browser, archive, section, q="zzz")


def test_open_files_can_be_narrowed_to_a_kind(oscars_browser: Client, archive: Archive) -> None:
    html = panel(oscars_browser, archive, "files", kind="socket")
    assert "/dev/null" not in html
    assert "tcp" in html


def test_a_process_s_mappings_are_listed_and_searched(
    oscars_browser: Client, archive: Archive
) -> None:
    address = reverse("archive-memory-map", args=[archive.pk, 1])
    html = text_of(oscars_browser.get(address))
    assert "/bin/webby" in html
    assert "000000007f00" in html
    assert (
        "/bin/webby"
        not in text_of(oscars_browser.get(address, {"q": "heap"})).partition('id="found"')[2]
    )


def test_what_podman_diff_said_tells_added_from_changed(oscars_browser: Client) -> None:
    changes = {"added": ["/new"], "changed": ["/var/lib/app/state"], "deleted": ["/etc/passwd"]}
    archive = give_contents(make_archive(), changes=changes)
    html = panel(oscars_browser, archive, "rootfs")
    assert 'data-change="added"' in html
    assert 'data-change="changed"' in html
    assert "written" not in html


def test_notes_of_the_reading_are_told(oscars_browser: Client) -> None:
    summary = {**SECTIONS["summary"], "notes": ["Only the first 20000 processes were kept."]}
    archive = give_contents(make_archive(), summary=summary)
    assert "Only the first 20000 processes" in panel(oscars_browser, archive, "overview")


def test_a_privilege_is_named_with_its_risk(oscars_browser: Client) -> None:
    hook = {"kind": "hook", "what": "/usr/bin/evil", "why": "It runs as root.", "risk": "refused"}
    archive = give_contents(make_archive(), privileges=[hook])
    html = panel(oscars_browser, archive, "privileges")
    assert "/usr/bin/evil" in html
    assert "never restored" in html


def test_an_unread_archive_offers_to_be_read(oscars_browser: Client) -> None:
    html = panel(oscars_browser, make_archive(), "processes")
    assert "Not read yet" in html
    assert "Read contents" in html


def test_an_unreadable_archive_says_why(oscars_browser: Client) -> None:
    archive = make_archive(
        contents_state=ContentsState.UNREADABLE, contents_problem="It ends too early."
    )
    html = panel(oscars_browser, archive, "overview")
    assert "It ends too early." in html
    assert "Read contents again" in html


def hostile(value: object) -> object:
    """Put markup into every text of a section, keys that the pages look up aside."""
    if isinstance(value, str):
        return MARKUP
    if isinstance(value, list):
        return [hostile(item) for item in value]
    if isinstance(value, dict):
        return {key: item if key == "path" else hostile(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.slug)
def test_what_an_archive_says_is_shown_as_it_is(oscars_browser: Client, tab: object) -> None:
    sections = {name: hostile(data) for name, data in contents().items()}
    sections["rootfs"]["entries"][0]["path"] = f"/{MARKUP}"  # type: ignore[index]
    risk = {"kind": MARKUP, "what": MARKUP, "why": MARKUP, "risk": MARKUP}
    archive = give_contents(make_archive(), **{**sections, "privileges": [risk]})
    slug = getattr(tab, "slug", "")
    address = reverse("archive-log", args=[archive.pk])
    if tab is not LOG:
        address = reverse("archive-contents", args=[archive.pk, slug])
    for params in ({}, {"q": MARKUP}, {"below": MARKUP}, {"kind": MARKUP}):
        html = oscars_browser.get(address, params).content.decode()
        assert "alert(1)" in html
        assert "<script>alert" not in html
        assert "<img src=x" not in html


def test_memory_is_drawn_to_scale(oscars_browser: Client, archive: Archive) -> None:
    html = panel(oscars_browser, archive, "memory")
    assert f'data-kind="heap" x="0.0%" width="{round(32 * MIB / (48 * MIB) * 100, 3)}%"' in html
