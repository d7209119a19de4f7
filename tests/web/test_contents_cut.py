"""A page about an archive's contents says when it does not show all, and only then."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.views.contents_panels import MOST_ROWS, TAB_OF, panel_context
from nodes.views.process_tree import MOST_ROWS as MOST_PROCESSES
from tests.web.contents_rows import SECTIONS


def shown(section: str, data: Any, **params: str) -> dict[str, Any]:
    return panel_context(TAB_OF[section], {section: data}, params)


def processes_with_files(*counts: int) -> list[dict[str, Any]]:
    (kind,) = SECTIONS["files"]
    return [
        {**kind, "pid": pid, "descriptors": [{**kind["descriptors"][0], "fd": 0}] * count}
        for pid, count in enumerate(counts, 1)
    ]


@pytest.mark.parametrize(
    "counts, is_cut, groups",
    [
        ([MOST_ROWS], False, [MOST_ROWS]),
        ([MOST_ROWS, 1], True, [MOST_ROWS]),
        ([MOST_ROWS - 1, 1], False, [MOST_ROWS - 1, 1]),
        ([MOST_ROWS - 1, 5, 7], True, [MOST_ROWS - 1, 1]),
    ],
)
def test_open_files_of_several_processes(
    counts: list[int], is_cut: bool, groups: list[int]
) -> None:
    context = shown("files", processes_with_files(*counts))
    assert context["is_cut"] == is_cut
    assert [len(group["descriptors"]) for group in context["groups"]] == groups


@pytest.mark.parametrize("more, is_cut", [(0, False), (1, True)])
def test_processes(more: int, is_cut: bool) -> None:
    tree = [{**SECTIONS["processes"][0], "pid": pid} for pid in range(MOST_PROCESSES + more)]
    context = shown("processes", tree)
    assert (len(context["rows"]), context["is_cut"]) == (MOST_PROCESSES, is_cut)


@pytest.mark.parametrize(
    "text, lines",
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("a form\ffeed\x0band\u2028others\n", ["a form\ffeed\x0band\u2028others"]),
        ("", []),
    ],
)
def test_a_line_of_the_log_ends_where_the_container_ended_it(text: str, lines: list[str]) -> None:
    context = shown("log", {"text": text, "bytes": len(text), "left_out_bytes": 0})
    assert (context["lines"], context["found"]) == (lines, len(lines))
