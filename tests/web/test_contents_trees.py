"""How an archive's files, documents and processes are laid out as trees, whatever they are."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from nodes.templatetags.contents import marked, mode_text
from nodes.templatetags.drawings import microseconds_text, pieces
from nodes.views.folder_tree import Folder, folder_tree
from nodes.views.json_tree import json_tree
from nodes.views.process_tree import process_rows
from tests.factories import make_archive
from tests.web.contents_rows import SECTIONS, give_contents


def entry(path: str, size_bytes: int = 0, **values: Any) -> dict[str, Any]:
    file = {"path": path, "change": "written", "type": "file", "mode": 0o644}
    return {**file, "size_bytes": size_bytes, "target": "", **values}


def shape(folder: Folder) -> dict[str, Any]:
    """Return names and sizes alone."""
    found: dict[str, Any] = {
        child.name: (child.size_bytes, shape(child)) for child in folder.sorted_folders
    }
    return found | {leaf.name: leaf.entry["size_bytes"] for leaf in folder.leaves}


def test_a_folder_is_as_large_as_all_that_is_in_it() -> None:
    tree = folder_tree([entry("/a/b/one", 3), entry("/a/b/two", 4), entry("/a/three", 5)], {})
    assert shape(tree) == {"a": (12, {"b": (7, {"two": 4, "one": 3}), "three": 5})}
    assert (tree.size_bytes, tree.changes) == (12, 3)


def test_folders_with_one_folder_in_them_are_one_row() -> None:
    tree = folder_tree([entry("/usr/lib/app/state", 1), entry("/new", 2)], {})
    assert shape(tree) == {"usr/lib/app": (1, {"state": 1}), "new": 2}


def test_a_folder_that_has_changed_itself_is_one_row_with_its_change() -> None:
    folder = entry("/srv", type="directory")
    tree = folder_tree([folder, entry("/srv/data/file", 1)], {"/srv": "added"})
    (srv,) = tree.sorted_folders
    assert (srv.name, srv.change) == ("srv", "added")
    assert shape(srv) == {"data": (1, {"file": 1})}


def test_the_largest_stands_first() -> None:
    tree = folder_tree([entry("/small/x", 1), entry("/large/x", 9), entry("/a", 1)], {})
    assert list(shape(tree)) == ["large", "small", "a"]


def test_what_a_page_has_no_room_for_can_be_asked_for() -> None:
    files = [entry(f"/many/{number}", 1) for number in range(50)]
    tree = folder_tree([*files, entry("/few/x", 1)], {}, most=20)
    many, few = tree.sorted_folders
    assert (many.is_shown, many.changes, few.is_shown) == (False, 50, True)
    below = folder_tree([*files, entry("/few/x", 1)], {}, below="/many", most=20)
    assert len(below.leaves) == 20
    assert below.left_out == 30


def test_a_search_is_for_any_part_of_a_path() -> None:
    tree = folder_tree([entry("/etc/Passwd", 1), entry("/etc/hosts", 1)], {}, search="pass")
    assert shape(tree) == {"etc": (1, {"Passwd": 1})}


def test_an_endless_path_is_one_of_a_few_levels() -> None:
    tree = folder_tree([entry("/a" * 2000, 1), entry("/a" * 1999 + "/b", 1)], {})
    levels = 0
    while tree.folders:
        (tree,) = tree.sorted_folders
        levels += 1
    assert levels <= 12
    assert len(tree.leaves) == 2


def test_a_document_of_a_search_keeps_the_way_to_what_was_found() -> None:
    document = {"process": {"env": ["A=•••", "B=•••"], "user": {"uid": 0}}, "root": {"path": "/x"}}
    (process,) = json_tree(document, "uid").branches
    assert process.key == "process"
    assert [(branch.key, branch.is_open) for branch in process.children] == [("user", True)]


def test_a_key_that_is_found_keeps_all_below_it() -> None:
    (root,) = json_tree({"root": {"path": "/x", "ro": True}, "other": 1}, "root").branches
    assert [(branch.key, branch.text) for branch in root.children] == [
        ("path", '"/x"'), ("ro", "true"),
    ]  # fmt: skip


def test_a_large_document_is_cut() -> None:
    tree = json_tree({"list": [{"a": number} for number in range(1000)]}, most=100)
    assert tree.cut
    assert tree.shown <= 101


@pytest.mark.parametrize("search", ["", "item"])
def test_a_document_that_just_fits_is_not_cut(search: str) -> None:
    document = {f"item-{number}": number for number in range(100)}
    assert not json_tree({**document, **({"other": 1} if search else {})}, search, most=100).cut
    assert json_tree({**document, "last": {"item": [{}]}}, search, most=100).cut


def test_a_deep_document_is_written_out_where_it_gets_too_deep() -> None:
    document: Any = "end"
    for _ in range(200):
        document = {"in": document, "x": 1}
    tree = json_tree(document)
    levels, branches = 0, tree.branches
    while branches:
        branches = branches[0].children
        levels += 1
    assert levels <= 13


def process(pid: int, depth: int, **values: Any) -> dict[str, Any]:
    return {**SECTIONS["processes"][0], "pid": pid, "depth": depth, **values}


def test_a_process_is_connected_to_its_parent() -> None:
    tree = [process(1, 0), process(2, 1), process(3, 2), process(4, 1), process(5, 2)]
    guides = [row.guides for row in process_rows(tree, {})]
    assert guides == [[], ["tee"], ["line", "elbow"], ["elbow"], ["none", "elbow"]]


def test_a_search_finds_processes_without_their_tree() -> None:
    tree = [process(1, 0), process(2, 5, command=["sleep", "9"])]
    rows = process_rows(tree, {2: 4096}, "SLEEP")
    assert [(row.process["pid"], row.guides, row.stored_bytes) for row in rows] == [(2, [], 4096)]


@pytest.mark.django_db
@pytest.mark.usefixtures("archives_folder")
def test_a_tree_as_deep_as_an_archive_may_hold_is_still_a_page(oscars_browser: Client) -> None:
    document: Any = {}
    for _ in range(60):
        document = {"in": document, "x": [1]}
    entries = [entry("/a" * 1000 + f"/{number}/x", 1) for number in range(50)]
    archive = give_contents(
        make_archive(),
        processes=[process(number + 1, number) for number in range(900)],
        rootfs={"entries": entries, "bytes": 50, "left_out": 0},
        spec=document,
    )
    for slug in ("processes", "rootfs", "spec"):
        address = reverse("archive-contents", args=[archive.pk, slug])
        assert oscars_browser.get(address).status_code == 200


def test_pieces_of_a_bar_lie_side_by_side() -> None:
    parts = [{"kind": "stack", "bytes": 25}, {"kind": "heap", "bytes": 50}]
    assert [(piece.kind, piece.start, piece.width) for piece in pieces(parts, 100)] == [
        ("heap", 0.0, 50.0), ("stack", 50.0, 25.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "us, text",
    [(153, "153 µs"), (4_200, "4.2 ms"), (310_000, "310 ms"), (1_250_000, "1.25 s"), (None, "–")],
)
def test_microseconds_are_written_as_people_read_them(us: int | None, text: str) -> None:
    assert microseconds_text(us) == text


def test_a_mode_is_written_as_ls_writes_it() -> None:
    assert mode_text({"type": "directory", "mode": 0o755}) == "drwxr-xr-x"


@pytest.mark.parametrize(
    "text, search, html",
    [
        ("SECRET=x", "secret", "<mark>SECRET</mark>=x"),
        ("a<b>", "<B>", "a<mark>&lt;b&gt;</mark>"),
        ("<i>", "", "&lt;i&gt;"),
        ("Straße <", "strasse", "Straße &lt;"),
        ("aXaX", "x", "a<mark>X</mark>a<mark>X</mark>"),
    ],
)
def test_what_was_found_is_marked_and_all_is_escaped(text: str, search: str, html: str) -> None:
    assert marked(text, search) == html
