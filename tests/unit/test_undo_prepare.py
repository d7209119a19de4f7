"""A preparation is undone to the letter; what somebody else has changed since stays."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from nodes.host.facts import ConfigFile
from nodes.host.preparation import FileEdit, merged_edits
from nodes.host.wanted import WANTED
from nodes.operations.config_file import apply_edit
from nodes.operations.prepare import PrepareRefused
from nodes.operations.undo_prepare import reverse_edit
from tests.unit.builders import make_host
from tests.unit.containers_conf_texts import MERGED, SHIPPED, SHIPPED_MERGED
from tests.unit.local_session import LocalSession

CONF = "/etc/containers/containers.conf"
BACKUP = f"{CONF}.ferry-20261124T021900Z"


def journalled(before: str | None, path: str = CONF) -> dict[str, Any]:
    """Return what the journal keeps of a preparation that set both keys."""
    files = () if before is None else (ConfigFile(path=path, text=before),)
    (edit,) = merged_edits(make_host(config_files=files), {path: list(WANTED)})
    return {**asdict(edit), "previous": dict(edit.previous), "backup": before and BACKUP}


def undone(before: str | None, present: str | None) -> str | None:
    edit = reverse_edit("alder", journalled(before), present)
    assert (edit.path, edit.before) == (CONF, present)
    return edit.after


@pytest.mark.parametrize(
    "before",
    [None, SHIPPED.replace("\n", "\r\n"), *(text for text, _ in MERGED.values())],
    ids=["no file", "CRLF", *MERGED],
)
def test_an_untouched_file_becomes_what_it_was_to_the_letter(before: str | None) -> None:
    assert undone(before, journalled(before)["after"]) == before


NEW = journalled(None)["after"]
HEAD = NEW.partition("\n")[0]


@pytest.mark.parametrize(
    "before, present, after",
    [
        (SHIPPED, SHIPPED_MERGED.replace("num_locks = 2_048", "num_locks = 7 # hers"),
         SHIPPED.replace("num_locks = 2_048", "num_locks = 7 # hers")),
        (SHIPPED, f"{SHIPPED_MERGED}\n[network]\na = 1\n", f"{SHIPPED}\n[network]\na = 1\n"),
        (SHIPPED, f"# hers\n{SHIPPED_MERGED}", f"# hers\n{SHIPPED}"),
        # A key that was not there before goes; a file that was not there stays, for it is hers too.
        ("[engine]\n", '[engine]\nruntime = "runc"\nx = 1\n', "[engine]\nx = 1\n"),
        (None, f"{NEW}num_locks = 7\n", f"{HEAD}\n\n[engine]\nnum_locks = 7\n"),
        # She has taken a key away: what was there before us comes back.
        ('[engine]\nruntime = "crun"\n', "# empty\n[engine]\n",
         '# empty\n[engine]\nruntime = "crun"\n'),
        ('[engine]\nruntime = "crun"\n', "# empty\n",
         '# empty\n\n[engine]\nruntime = "crun"\n'),
    ],
)  # fmt: skip
def test_of_a_file_that_was_changed_since_only_our_keys_go_back(
    before: str | None, present: str, after: str
) -> None:
    assert undone(before, present) == after


@pytest.mark.parametrize("before", [None, SHIPPED, "[engine]\nruntime = ['crun']\n"])
@pytest.mark.parametrize("gone", [True, False])
def test_what_is_gone_or_undone_already_is_left_alone(before: str | None, gone: bool) -> None:
    present = None if gone else before
    assert undone(before, present) == present


@pytest.mark.parametrize("present", ["[engine", "[[engine]]\n", "engine = 1\n", "# \ufffd"])
def test_a_file_that_can_no_longer_be_merged_into_is_refused(present: str) -> None:
    with pytest.raises(PrepareRefused) as caught:
        undone(SHIPPED, present)
    problem = caught.value.problem
    assert f"{CONF} on alder" in problem.message
    assert problem.cause
    assert BACKUP in problem.remedy


def test_where_there_was_no_file_the_refusal_names_none() -> None:
    with pytest.raises(PrepareRefused) as caught:
        undone(None, "[engine")
    assert "what it was is in no file" in caught.value.problem.remedy


@pytest.mark.parametrize("before", [None, SHIPPED, "# no line's end"])
async def test_done_and_undone_the_bytes_are_the_same(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "containers.conf"
    if before is not None:
        path.write_bytes(before.encode())
    edit = journalled(before, str(path))
    done = FileEdit(path=str(path), before=edit["before"], after=edit["after"])
    await apply_edit(LocalSession(), done, backup=f"{path}.1")  # type: ignore[arg-type]
    back = reverse_edit("alder", edit, path.read_text())
    await apply_edit(LocalSession(), back, backup=f"{path}.2")  # type: ignore[arg-type]
    assert (path.read_bytes().decode() if path.exists() else None) == before
