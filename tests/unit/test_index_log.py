"""The end of a container's log is shown as a person reads it."""

from __future__ import annotations

import io

from nodes.catalog.index_log import TAIL_BYTES, read_log

STAMP = "2026-03-01T08:00:01.011620342+00:00"


def test_a_line_has_time_stream_and_text() -> None:
    log = read_log(io.BytesIO(f"{STAMP} stderr F out of cheese\n".encode()).read)

    assert log["text"] == "2026-03-01T08:00:01.011+00:00 stderr out of cheese\n"
    assert log["left_out_bytes"] == 0


def test_parts_of_a_line_are_put_together() -> None:
    lines = f"{STAMP} stdout P one \n{STAMP} stdout P two \n{STAMP} stdout F three\n"

    log = read_log(io.BytesIO(lines.encode()).read)

    assert log["text"] == "2026-03-01T08:00:01.011+00:00 stdout one two three\n"


def test_what_is_no_such_line_stays_as_it_is() -> None:
    log = read_log(io.BytesIO(b'{"log":"x"}\nplain \xff\n').read)

    assert log["text"] == '{"log":"x"}\nplain �\n'


def test_of_a_long_log_the_last_whole_lines_are_kept() -> None:
    data = b"".join(b"line %09d\n" % number for number in range(200_000))

    log = read_log(io.BytesIO(data).read)

    assert log["bytes"] == len(data)
    assert log["text"].startswith("line ")
    assert log["text"].endswith("line 000199999\n")
    assert TAIL_BYTES - 15 <= len(log["text"]) <= TAIL_BYTES
    assert log["left_out_bytes"] == len(data) - len(log["text"])


def test_an_empty_log_is_empty() -> None:
    assert read_log(io.BytesIO(b"").read) == {"text": "", "bytes": 0, "left_out_bytes": 0}
