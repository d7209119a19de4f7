"""Our keys are merged into containers.conf while all else stays to the letter, or it is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from nodes.host.containers_conf import EditRefused, read_keys, set_keys
from nodes.host.wanted import WANTED
from tests.unit.containers_conf_texts import MERGED, ODD, REFUSED, SHIPPED, SHIPPED_MERGED

REMOVED: dict[str, str | None] = dict.fromkeys(WANTED)
EVERY_TEXT = {name: text for name, (text, _) in MERGED.items()} | ODD


def wanted_document(text: str, values: Mapping[str, str | None]) -> dict[str, Any]:
    """Return what TOML has to read after these keys were set, without an empty [engine]."""
    document = tomllib.loads(text)
    engine = {**document.pop("engine", {}), **values}
    left = {key: value for key, value in engine.items() if value is not None}
    return document | ({"engine": left} if left else {})


def read_document(text: str) -> dict[str, Any]:
    return wanted_document(text, {})


@pytest.mark.parametrize("text, merged", MERGED.values(), ids=MERGED.keys())
def test_only_the_lines_of_the_keys_are_others(text: str, merged: str) -> None:
    assert set_keys(text, WANTED) == merged


@pytest.mark.parametrize("text", EVERY_TEXT.values(), ids=EVERY_TEXT.keys())
@pytest.mark.parametrize("values", [WANTED, REMOVED, {"runtime": "x", "cgroup_manager": None}])
def test_toml_reads_what_was_wanted_and_nothing_else(
    text: str, values: dict[str, str | None]
) -> None:
    assert read_document(set_keys(text, values)) == wanted_document(text, values)


@pytest.mark.parametrize("text", EVERY_TEXT.values(), ids=EVERY_TEXT.keys())
def test_what_is_set_already_is_not_touched(text: str) -> None:
    merged = set_keys(text, WANTED)
    assert set_keys(merged, WANTED) == merged
    assert set_keys(text, {}) == text


@pytest.mark.parametrize(
    "text", [text for text in EVERY_TEXT.values() if not read_keys(text)][:8], ids=repr
)
def test_removing_what_is_not_there_changes_nothing(text: str) -> None:
    assert set_keys(text, REMOVED) == text


@pytest.mark.parametrize(
    "before, after",
    [
        ('[engine]\nruntime = "runc" # x\nnum_locks = 1\n', "[engine]\nnum_locks = 1\n"),
        ('# a\n[engine]\n# b\nruntime = "runc"\n# c\n', "# a\n[engine]\n# b\n# c\n"),
        ('engine = {runtime = "runc"}\n', "engine = {}\n"),
        (SHIPPED_MERGED.replace("runc\"   # the fast one", "crun\"   # the fast one"),
         SHIPPED.replace("runtime = \"crun\"   # the fast one\n", "")),
    ],
)  # fmt: skip
def test_a_key_goes_with_its_line(before: str, after: str) -> None:
    assert set_keys(before, REMOVED) == after


def test_setting_a_key_back_gives_the_file_back() -> None:
    back = {"runtime": "crun", "cgroup_manager": None}
    assert set_keys(SHIPPED_MERGED, back) == SHIPPED


@pytest.mark.parametrize("text, why", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_is_refused_and_why(text: str, why: str) -> None:
    for refuse in (lambda: set_keys(text, WANTED), lambda: set_keys(text, {})):
        with pytest.raises(EditRefused) as caught:
            refuse()
        assert why in str(caught.value)


def test_a_number_without_end_is_refused() -> None:
    with pytest.raises(EditRefused):
        set_keys(f"x = {'9' * 5000}\n", WANTED)


def test_a_merge_that_would_take_something_else_away_is_refused() -> None:
    """tomlkit 0.15 drops [[engine.runtimes]] here."""
    text = "engine.runtime.q = 1\n[[engine.runtimes]]\n[engine.runtime.y]\n"
    with pytest.raises(EditRefused) as caught:
        set_keys(text, WANTED)
    assert "cannot be merged into" in str(caught.value)


def test_what_tomlkit_itself_fails_at_is_refused_or_merged() -> None:
    text = '[engine.runtime]\n[engine]\ncgroup_manager = "systemd"\n'
    with suppress(EditRefused):
        assert read_document(set_keys(text, REMOVED)) == {}


@pytest.mark.parametrize(
    "text, keys",
    [
        ("", {}),
        ("[network]\na = 1\n", {}),
        ('[engine]\nruntime = "crun"\nnum_locks = 1\n', {"runtime": "crun"}),
        ('engine.cgroup_manager = "x"\n', {"cgroup_manager": "x"}),
        ("[engine]\nruntime = ['crun']\n", {}),
        (SHIPPED, {"runtime": "crun", "events_logger": "file"}),
    ],
)
def test_the_texts_among_the_keys_are_read(text: str, keys: dict[str, str]) -> None:
    assert read_keys(text) == keys
