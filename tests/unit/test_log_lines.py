"""A container's log is shown as text, whatever its program writes."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.podman.log_lines import MOST_CHARS, parse_log_line, split_lines

AT = b"2026-11-29T11:25:18.109191750Z "


def test_podmans_timestamp_is_taken_off() -> None:
    line = parse_log_line(AT + b"counter=6 errors=0")
    assert line.text == "counter=6 errors=0"
    assert line.at == datetime(2026, 11, 29, 11, 25, 18, 109191, UTC)


def test_what_podman_itself_says_has_no_time() -> None:
    line = parse_log_line(b'Error: no container with name or ID "x" found')
    assert (line.at, line.text[:5]) == (None, "Error")


@pytest.mark.parametrize(
    "raw, text",
    [
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;a title\x07shell", "shell"),
        (b"\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b[2J\x1b[Hcleared", "cleared"),
        (b"\x1b(B\x1b7saved", "saved"),
        ("\x9b31mone\x9b0m".encode(), "one"),
        (b"10 %\r20 %\r100 %\r", "100 %"),
        (b"bell\x07 back\x08 nul\x00", "bell back nul"),
        ("\u202eevil\u202c".encode(), "evil"),
        (b"tab\tstays", "tab\tstays"),
        (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"unfinished \x1b[31", "unfinished 31"),
        (b"\x1b]0;a title\x1b[31mred", "red"),
        ("\x90\x90a string".encode(), ""),
    ],
)
def test_only_what_can_be_read_is_left(raw: bytes, text: str) -> None:
    assert parse_log_line(AT + raw).text == text


def test_a_line_has_a_greatest_length_and_says_what_is_cut() -> None:
    line = parse_log_line(AT + b"x" * 1_000_000)
    assert len(line.text) == MOST_CHARS
    assert line.cut_chars == 1_000_000 - MOST_CHARS


@pytest.mark.parametrize(
    "unit, end", [("\x90", "\x1bX"), ("\x1bX", ""), ("\x9b", "0" * 4000), ("\x1b[", "0")]
)
def test_no_line_takes_longer_than_its_length(unit: str, end: str) -> None:
    raw = (unit * 4000 + end).encode()
    began = time.monotonic()
    for _ in range(400):
        parse_log_line(raw)
    assert time.monotonic() - began < 2


@given(st.binary(max_size=300))
def test_any_bytes_become_a_line_without_control_characters(raw: bytes) -> None:
    text = parse_log_line(raw).text
    assert all(char == "\t" or char.isprintable() or ord(char) > 0x9F for char in text)


def test_the_last_lines_of_many_are_split_and_the_others_counted() -> None:
    data = b"".join(b"%d\n" % number for number in range(1000)) + b"half"
    assert split_lines(data, 3) == (997, [b"997", b"998", b"999"], b"half")
    assert split_lines(b"\n" * 4_000_000, 2) == (3_999_998, [b"", b""], b"")


@given(st.lists(st.binary(max_size=5).filter(lambda line: b"\n" not in line)), st.integers(1, 9))
def test_no_line_is_lost_uncounted(lines: list[bytes], most: int) -> None:
    left_out, last, rest = split_lines(b"".join(line + b"\n" for line in lines) + b"x", most)
    assert (left_out + len(last), rest) == (len(lines), b"x")
    assert last == lines[-most:]
