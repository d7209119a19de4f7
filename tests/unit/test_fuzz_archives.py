"""Whatever bytes are uploaded: contents or a reason, nothing else, and nothing on the disk."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.catalog.environment import read_environment
from nodes.catalog.index import read_contents
from nodes.catalog.members import Limits
from nodes.catalog.memory_search import search_memory
from nodes.problem import FerryError
from tests.unit.archives import Checkpoint
from tests.unit.criu_images import COMMON, MAGIC, Program, entry
from tests.unit.hostile_archives import CORPUS
from tests.unit.tar_blocks import END, checked, header, member, padded, pax, zstd_of
from tests.unit.test_hostile_archives import read_all

UPLOADS = Limits.for_uploads()
SAMPLE = Checkpoint(
    programs=[Program(memory=b"x" * 5000), Program(pid=7, ppid=1)],
    written={"etc/motd": b"1"},
    deleted=["/etc/passwd"],
    volumes={"data": {"a": b"1"}},
)
PACKED = {compression: SAMPLE.pack(compression) for compression in ("zstd", "gzip", "none")}
fuzz = settings(max_examples=100, deadline=None, derandomize=True, database=None)


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


def tried(read: Callable[[], object]) -> None:
    """Call what may fail only with a reason for people."""
    try:
        read()
    except FerryError as error:
        # Such as no database, page or log would take is none.
        json.dumps(error.problem.as_dict(), ensure_ascii=False).encode()


def can_be_kept(sections: object) -> None:
    """Fail for what a database does not take for JSON, or a page for text."""
    json.dumps(sections, allow_nan=False)
    waiting = [sections]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            assert "\0" not in each
            each.encode()
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each


def try_all(data: bytes) -> None:
    """Read an archive in every way there is."""
    tried(lambda: read_all(io.BytesIO(data), UPLOADS))
    tried(lambda: can_be_kept(read_contents(io.BytesIO(data), UPLOADS).sections))
    tried(lambda: read_environment(io.BytesIO(data), 1))
    tried(lambda: list(search_memory(io.BytesIO(data), pid=1, pattern="x", is_regex=False)))


@fuzz
@given(
    data=st.binary(max_size=3000), magic=st.sampled_from([b"", b"\x28\xb5\x2f\xfd", b"\x1f\x8b"])
)
def test_any_bytes(data: bytes, magic: bytes) -> None:
    try_all(magic + data)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """Return an archive of which some bytes are others, missing, doubled or swapped."""
    data = bytearray(PACKED[draw(st.sampled_from(sorted(PACKED)))])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([1, 3, 512, 1024]))
        match draw(st.sampled_from(["write", "cut", "insert", "double", "end"])):
            case "write":
                data[at : at + length] = draw(st.binary(max_size=8))
            case "cut":
                del data[at : at + length]
            case "insert":
                data[at:at] = draw(st.binary(max_size=8))
            case "double":
                data[at:at] = data[at : at + length]
            case "end":
                del data[at:]
    return bytes(data)


@fuzz
@given(data=changed())
def test_any_change_of_an_archive(data: bytes) -> None:
    try_all(data)


@fuzz
@given(changes=st.dictionaries(st.integers(0, 511), st.integers(0, 255), max_size=6), at=st.data())
def test_any_header_with_the_right_checksum(changes: dict[int, int], at: st.DataObject) -> None:
    data = bytearray(PACKED["none"])
    headers = [
        place for place in range(0, len(data), 512) if data[place + 257 : place + 262] == b"ustar"
    ]
    place = at.draw(st.sampled_from(headers))
    for offset, byte in changes.items():
        data[place + offset] = byte
    data[place : place + 512] = checked(data[place : place + 512])

    try_all(bytes(data))


_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from([bytes([code]) for code in b"0123456789xgLKSDVNM\x00"]),
        "size": st.integers(0, 8**11 - 1) | st.binary(min_size=12, max_size=12),
        "target": st.binary(max_size=100),
        "prefix": st.binary(max_size=155),
        "magic": st.sampled_from([b"ustar\x0000", b"ustar  \x00", bytes(8)]),
        "mode": st.binary(min_size=8, max_size=8),
    },
)


@fuzz
@given(
    names=st.lists(st.binary(max_size=99), min_size=1, max_size=4),
    fields=_FIELDS,
    records=st.binary(max_size=200),
    inside=st.booleans(),
)
def test_any_members(
    names: list[bytes], fields: dict[str, bytes], records: bytes, inside: bool
) -> None:
    blocks = (
        b"".join(pax(records) * (len(name) % 2) + header(name, **fields) for name in names) + END
    )
    data = member(b"config.dump", b"{}") + (
        member(b"rootfs-diff.tar", blocks) if inside else blocks
    )

    try_all(data + END)


_IMAGES = st.sampled_from(sorted({*MAGIC} - {"stats", "inventory"}))
_WITHOUT_NUMBER = ("pstree", "files", "memfd", "seccomp")


@fuzz
@given(
    kind=_IMAGES, payloads=st.lists(st.binary(max_size=100), max_size=5), rest=st.binary(max_size=9)
)
def test_any_image(kind: str, payloads: list[bytes], rest: bytes) -> None:
    name = kind if kind in _WITHOUT_NUMBER else f"{kind}-1"
    entries = b"".join(entry(payload) for payload in payloads)
    image = struct.pack("<II", COMMON, MAGIC[kind]) + entries + rest
    packed = Checkpoint(members={f"checkpoint/{name}.img": image}).pack("none")

    try_all(packed)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=9), parts, max_size=3)
    ),
    max_leaves=8,
)


@fuzz
@given(
    name=st.sampled_from(["config", "spec"]),
    key=st.sampled_from(
        [
            "id",
            "name",
            "labels",
            "mounts",
            "process",
            "linux",
            "namedVolumes",
            "newNetworks",
            "hooks",
        ]
    ),
    value=_JSON,
)
def test_any_document(name: str, key: str, value: object) -> None:
    checkpoint = Checkpoint(**{name: {key: value}})  # type: ignore[arg-type]

    try_all(checkpoint.pack("none"))


@fuzz
@given(number=st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?", fullmatch=True))
def test_any_number(number: str) -> None:
    data = b'{"id": "a", "shmSize": ' + number.encode() + b"}"

    try_all(Checkpoint(members={"config.dump": data}).pack("none"))


def test_each_of_the_corpus() -> None:
    for _, build, _ in CORPUS:
        try_all(build())


@fuzz
@given(data=st.binary(min_size=1, max_size=2000), cut=st.integers(0, 2000))
def test_any_bytes_that_are_compressed_well(data: bytes, cut: int) -> None:
    try_all(zstd_of(padded(data)))
    try_all(zstd_of(PACKED["none"][:cut] + data))
