"""The dialog that restores an archive, and the pages of its operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from nodes.archives.trust import privileges_digest
from nodes.catalog.contents import PublishedPort
from nodes.finding import error
from nodes.forms import CheckpointForm, RestoreForm
from nodes.models import Archive, Container, ContentsState, Node, Operation, OperationState
from nodes.operations.start_restore import start_restore
from nodes.podman.options import RestoreOptions
from nodes.templatetags.operations import followed, retry_url
from nodes.views.offers import offers_of
from nodes.views.restore_needs import spell_port
from tests.factories import COUNTER_ID, make_archive, make_container, make_restore
from tests.fake_host import FakeHost, recorded
from tests.web.restorable import BIND, HOOK, SECTIONS, make_restorable, make_uploaded
from tests.web.text import text_of

_RECORDED_ID = "7657bdea19a42b0bc5914c2a03a240075ae585753bde796cba94e7831dd9c18a"
_ALL_STOPPED = (
    recorded("ps.json")
    .replace('"State": "running"', '"State": "exited"')
    .replace(_RECORDED_ID, COUNTER_ID)
)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("archives_folder")]


@pytest.fixture
def archive(counter: Container) -> Archive:
    return make_restorable(counter.node)


def birch() -> Node:
    return Node.objects.get(name="birch")


def dialog(archive: Archive) -> str:
    return reverse("archive-restore", args=[archive.pk])


def form_of(query: str, own_ports: tuple[str, ...] = ()) -> RestoreForm:
    return RestoreForm(QueryDict(query), own_ports=own_ports)


def test_a_started_restore_leads_to_its_page(oscars_browser: Client, archive: Archive) -> None:
    body = {"node": birch().pk, "tcp": "close", "ignore_volumes": "on", "publish": ["8081:8080"]}
    response = oscars_browser.post(dialog(archive), body)
    operation = Operation.objects.get()
    assert (response.status_code, response["Location"]) == (302, operation.get_absolute_url())
    assert (operation.kind, operation.archive) == ("restore", archive)
    assert (operation.source_name, operation.destination_name) == ("", "birch")
    used = {name for name, value in operation.options.items() if value}
    assert used == {"tcp_close", "ignore_volumes"}


def test_a_copy_has_its_own_name_and_ports(oscars_browser: Client, archive: Archive) -> None:
    body = {"node": birch().pk, "identity": "clone", "name": "twin", "publish": ["9090:8080", ""]}
    oscars_browser.post(dialog(archive), body)
    operation = Operation.objects.get()
    assert operation.container_name == "twin"
    assert operation.options["name"] == "twin"
    assert operation.options["publish"] == ["9090:8080"]


def test_a_name_counts_for_a_copy_only(counter: Container) -> None:
    form = form_of(f"node={counter.node_id}&identity=same&name=twin&tcp=established")
    assert form.is_valid(), form.errors
    assert form.options == RestoreOptions(tcp_established=True)


@pytest.mark.parametrize(
    "typed, field, words",
    [
        ("identity=clone", "name", "Give the copy a name"),
        ("identity=clone&name=-x", "name", "must begin with a letter"),
        ("identity=clone&name=twin&tcp=established", "name", "exclude each other"),
        ("publish=80:x", "publish", "8080:80"),
        ("pod=a b", "pod", "must begin with a letter"),
        ("tcp=both", "tcp", "not one of the available choices"),
    ],
)
def test_what_podman_would_refuse_is_told_beside_its_field(
    counter: Container, typed: str, field: str, words: str
) -> None:
    form = form_of(f"node={counter.node_id}&{typed}")
    assert not form.is_valid()
    assert words in str(form.errors[field])


def test_the_archives_own_ports_are_left_to_podman(counter: Container) -> None:
    own = ("8081:8080", "53:53/udp")
    typed = f"node={counter.node_id}&publish=8081:8080&publish=53:53/udp"
    same = form_of(typed, own)
    other = form_of(f"{typed}&publish=81:80", own)
    assert (same.is_valid(), other.is_valid()) == (True, True)
    assert same.options.publish == ()
    assert other.options.publish == ("8081:8080", "53:53/udp", "81:80")


@pytest.mark.parametrize(
    "changes, spelled",
    [
        ({}, "8081:8080"),
        ({"host_ip": "127.0.0.1"}, "127.0.0.1:8081:8080"),
        ({"host_ip": "::1"}, "[::1]:8081:8080"),
        ({"protocol": "udp"}, "8081:8080/udp"),
        ({"range": 3}, "8081-8083:8080-8082"),
    ],
)
def test_ports_are_spelled_as_podman_takes_them(changes: dict[str, Any], spelled: str) -> None:
    port: PublishedPort = {
        "host_ip": "",
        "host_port": 8081,
        "container_port": 8080,
        "range": 1,
        "protocol": "tcp",
        **changes,  # type: ignore[typeddict-item]  # ** of a plain dict
    }
    assert spell_port(port) == spelled
    assert RestoreOptions(publish=(spelled,)).published[0].container_port == 8080


def test_the_dialog_begins_with_what_the_archive_says(
    oscars_browser: Client, archive: Archive
) -> None:
    archive.options = {"tcp_established": True, "file_locks": True}
    archive.save()
    response = oscars_browser.get(dialog(archive))
    html = text_of(response)
    assert 'name="publish" value="8081:8080"' in html
    assert 'name="tcp" value="" checked' in html
    assert "it was in no pod" in html
    assert response.context["form"]["file_locks"].value() is True


@pytest.mark.parametrize("query, chosen", [("", "established"), ("?name=twin", "close")])
def test_about_open_connections_one_has_to_choose(
    oscars_browser: Client, counter: Container, query: str, chosen: str
) -> None:
    socket = {"family": "inet", "protocol": "tcp", "state": "established"}
    archive = make_restorable(counter.node, sections={"sockets": [socket]})
    html = text_of(oscars_browser.get(f"{dialog(archive)}{query}"))
    assert "holds 1 open connection," in html
    assert 'name="tcp" value=""' not in html
    assert f'name="tcp" value="{chosen}" checked' in html


def test_an_archive_that_nobody_has_read_is_taken_at_its_options(
    oscars_browser: Client, counter: Container
) -> None:
    archive = make_archive(counter.node, options={"tcp_established": True})
    html = text_of(oscars_browser.get(dialog(archive)))
    assert 'name="tcp" value="established" checked' in html
    assert "it was in no pod" not in html


def test_a_node_that_runs_the_image_says_so(oscars_browser: Client, archive: Archive) -> None:
    html = text_of(oscars_browser.get(dialog(archive)))
    assert html.count("Has the image") == 1
    assert html.count("Image copied there if it is missing") == 1


def test_a_refused_restore_keeps_what_was_typed(oscars_browser: Client, archive: Archive) -> None:
    make_restore(archive, birch())
    archive.sections.filter(name="config").update(data={**SECTIONS["config"], "pod": "ab" * 32})
    body = {"node": birch().pk, "publish": ["9090:8080"], "pod": "web", "replace": "on"}
    response = oscars_browser.post(dialog(archive), body)
    assert response.status_code == 422
    html = text_of(response)
    assert "already restores a container counter on birch" in html
    assert 'name="publish" value="9090:8080"' in html
    assert 'name="pod" value="web"' in html
    assert Operation.objects.count() == 1


def test_an_upload_is_restored_once_its_privileges_are_confirmed(
    oscars_browser: Client, archive: Archive
) -> None:
    uploaded = make_uploaded([BIND])
    html = text_of(oscars_browser.get(dialog(uploaded)))
    assert "It could change the host." in html
    body = {"node": birch().pk}
    unconfirmed = oscars_browser.post(dialog(uploaded), body)
    assert unconfirmed.status_code == 422
    assert "has to be confirmed first" in text_of(unconfirmed)
    assert not Operation.objects.exists()
    digest = privileges_digest(uploaded)
    assert f'value="{digest}" required' in html
    oscars_browser.post(dialog(uploaded), {**body, "confirmed": digest})
    assert Operation.objects.get().archive == uploaded


def test_an_upload_that_asks_for_what_none_may_have_is_never_restored(
    oscars_browser: Client, archive: Archive
) -> None:
    uploaded = make_uploaded([HOOK])
    html = text_of(oscars_browser.get(dialog(uploaded)))
    assert "This archive cannot be restored" in html
    assert 'name="confirmed"' not in html
    body = {"node": birch().pk, "confirmed": privileges_digest(uploaded)}
    assert oscars_browser.post(dialog(uploaded), body).status_code == 422
    assert not Operation.objects.exists()


def test_an_upload_that_nobody_has_read_cannot_be_confirmed(
    oscars_browser: Client, archive: Archive
) -> None:
    uploaded = make_uploaded([])
    Archive.objects.filter(pk=uploaded.pk).update(contents_state=ContentsState.UNREAD)
    html = text_of(oscars_browser.get(dialog(uploaded)))
    assert "nobody has read yet" in html
    assert 'name="confirmed"' not in html


def test_hostile_contents_are_shown_as_text(oscars_browser: Client, archive: Archive) -> None:
    evil = "<script>alert(1)</script>"
    uploaded = make_uploaded([{**BIND, "what": evil, "why": evil}])
    html = oscars_browser.get(dialog(uploaded)).content.decode()
    assert evil not in html
    assert "&lt;script&gt;alert(1)" in html


def test_preflight_shows_its_findings(
    oscars_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    fake_host.answers["podman image exists"] = ("", "", 0)
    node = node_of(fake_host)
    archive = make_restorable(node)
    page = reverse("archive-restore-preflight", args=[archive.pk])
    taken = oscars_browser.post(page, {"node": node.pk})
    assert taken.context["blocked"] is True
    assert "has the name counter" in text_of(taken)
    nameless = oscars_browser.post(page, {"node": node.pk, "identity": "clone"})
    assert "Give the copy a name" in text_of(nameless)
    named = {"node": node.pk, "identity": "clone", "name": "twin", "publish": ["9090:8080"]}
    copy = oscars_browser.post(page, named)
    assert "The name twin is free on the node." in text_of(copy)
    assert "twin goes on running" in text_of(copy)
    assert not Operation.objects.exists()


def test_an_option_with_which_preflight_would_pass_is_offered(
    oscars_browser: Client, fake_host: FakeHost, node_of: Callable[..., Node]
) -> None:
    fake_host.answers["podman ps"] = (_ALL_STOPPED, "", 0)
    node = node_of(fake_host)
    archive = make_restorable(node)
    page = reverse("archive-restore-preflight", args=[archive.pk])
    offered = text_of(oscars_browser.post(page, {"node": node.pk}))
    assert 'data-offer="replace=on"' in offered
    taken = text_of(oscars_browser.post(page, {"node": node.pk, "replace": "on"}))
    assert "data-offer" not in taken


def test_an_option_of_one_dialog_is_not_offered_in_another() -> None:
    finding = error("connections", "Open.", options={"tcp_close": True, "compress": "none"})
    (offer,) = offers_of([finding], RestoreForm.base_fields)
    assert (offer.option, offer.field, offer.value) == ("tcp_close", "tcp", "close")
    assert offers_of([finding], CheckpointForm.base_fields) == []


def test_preflight_of_an_unreachable_node_says_what_to_do(
    oscars_browser: Client, archive: Archive
) -> None:
    page = reverse("archive-restore-preflight", args=[archive.pk])
    response = oscars_browser.post(page, {"node": birch().pk})
    assert "Check that the host is up" in text_of(response)


def test_a_container_is_restored_from_one_of_its_archives(
    oscars_browser: Client, archive: Archive, counter: Container
) -> None:
    other = make_restorable(counter.node, name="elsewhere", container_podman_id="d" * 64)
    page = reverse("container-restore", args=[counter.node_id, counter.podman_id])
    html = text_of(oscars_browser.get(page))
    assert dialog(archive) in html
    assert dialog(other) not in html


@pytest.mark.parametrize("state", OperationState)
def test_a_restores_page_renders_in_every_state(
    oscars_browser: Client, archive: Archive, state: OperationState
) -> None:
    operation = make_restore(archive, birch(), state=state)
    html = text_of(oscars_browser.get(operation.get_absolute_url()))
    assert f'data-state="{state}"' in html
    assert "birch" in html


def test_a_restore_that_succeeded_leads_to_its_container(
    oscars_browser: Client, archive: Archive
) -> None:
    made = make_container(birch(), "twin", podman_id="e" * 64)
    operation = make_restore(
        archive,
        birch(),
        state=OperationState.SUCCEEDED,
        container_name="twin",
        options={"name": "twin", "publish": ["9090:8080"]},
        result={"destination_container_id": "e" * 64, "destination_container_name": "twin"},
    )
    html = text_of(oscars_browser.get(operation.get_absolute_url()))
    assert "twin was restored on birch" in html
    assert made.get_absolute_url() in html
    assert "--publish 9090:8080" in html


def test_a_copy_that_failed_does_not_show_where_the_original_is(
    oscars_browser: Client, archive: Archive, counter: Container
) -> None:
    values = {"state": OperationState.FAILED, "error": {"message": "No."}}
    copy = make_restore(archive, birch(), options={"name": "twin"}, **values)
    assert followed(copy) == ""
    original = counter.get_absolute_url()
    assert original not in text_of(oscars_browser.get(copy.get_absolute_url()))
    itself = make_restore(archive, birch(), **values)
    assert original in text_of(oscars_browser.get(itself.get_absolute_url()))


def test_a_failed_restore_is_tried_again_with_what_may_help(
    oscars_browser: Client, archive: Archive
) -> None:
    operation = make_restore(
        archive,
        birch(),
        state=OperationState.FAILED,
        options={"name": "twin", "publish": ["9090:8080"], "pod": "", "keep": True},
        error={"message": "It has connections.", "options": {"tcp_close": True}},
    )
    html = text_of(oscars_browser.get(operation.get_absolute_url()))
    assert "Try again with --tcp-close" in html
    form = oscars_browser.get(retry_url(operation)).context["form"]
    values = {name: form[name].value() for name in ("node", "identity", "name", "tcp", "keep")}
    assert values == {
        "node": str(birch().pk),
        "identity": "clone",
        "name": "twin",
        "tcp": "close",
        "keep": "on",
    }
    assert form.ports == ["9090:8080"]


def test_a_restore_whose_archive_is_gone_is_not_tried_again(
    oscars_browser: Client, archive: Archive
) -> None:
    operation = make_restore(archive, birch(), state=OperationState.FAILED)
    archive.delete()
    operation.refresh_from_db()
    assert retry_url(operation) == ""
    assert "Try again" not in text_of(oscars_browser.get(operation.get_absolute_url()))


def test_the_list_finds_a_restore_by_its_node(oscars_browser: Client, archive: Archive) -> None:
    operation = make_restore(archive, birch())
    page = reverse("operation-list")
    found = oscars_browser.get(page, {"q": "birch", "kind": "restore"}).context["operations"]
    assert list(found) == [operation]
    assert not oscars_browser.get(page, {"kind": "migrate"}).context["operations"]


def test_what_stands_in_the_way_is_told_beside_the_button(
    oscars_browser: Client, archive: Archive
) -> None:
    page = reverse("archive-restore-preflight", args=[archive.pk])
    sent = {"node": birch().pk, "name": "-rm", "identity": "clone"}
    foot = text_of(oscars_browser.post(page, sent)).partition("migrate__promise")[2]
    assert "goes on running" not in foot
    assert "must begin with a letter or digit" in foot


def test_the_audit_log_tells_which_archive_is_restored_and_how(
    oscars_browser: Client, adas_browser: Client, archive: Archive
) -> None:
    options = RestoreOptions(name="twin", publish=("9090:8080",), tcp_close=True)
    start_restore(None, archive, birch(), options)
    page = text_of(adas_browser.get(reverse("audit-log")))
    assert archive.name in page
    for told in ("--name twin", "--publish 9090:8080", "--tcp-close"):
        assert told in page
    assert "--compress" not in page
