"""Each mapping of a process is told by its kind, its rights and its path."""

from __future__ import annotations

import pytest

from nodes.catalog.index_budget import Budget
from nodes.catalog.index_images import Images
from nodes.catalog.index_mappings import access_of, kind_of, path_of_mapping, size_of
from nodes.criu.images.memory import AddressSpace, Mapping
from nodes.criu.images.open_files import OpenFile
from tests.unit.criu_images import (
    ANON_PRIVATE,
    ANON_SHARED,
    EXECUTE,
    FILE_PRIVATE,
    FILE_SHARED,
    HEAP,
    MAP_PRIVATE,
    MAP_SHARED,
    READ,
    STACK,
    VDSO,
    WRITE,
)

VSYSCALL, SYSV_IPC, MEMFD, GROWSDOWN = 1 << 2, 1 << 10, 1 << 14, 0x100
SPACE = AddressSpace(
    start_stack=0x9000,
    heap=range(0x5000, 0x6000),
    arguments=range(0),
    environment=range(0),
    executable_id=0,
    vmas=(),
)


def mapping(
    status: int, *, prot: int = READ, flags: int = MAP_PRIVATE, start: int = 0x1000, shmid: int = 0
) -> Mapping:
    return Mapping(start, start + 0x1000, shmid, prot, flags, status)


@pytest.mark.parametrize(
    "found, kind",
    [
        (mapping(FILE_PRIVATE, prot=READ | EXECUTE), "code"),
        (mapping(FILE_PRIVATE, prot=READ | WRITE), "data"),
        (mapping(FILE_PRIVATE), "file"),
        (mapping(FILE_SHARED, prot=READ | WRITE), "file"),
        (mapping(ANON_PRIVATE), "anonymous"),
        (mapping(ANON_SHARED), "shared"),
        (mapping(ANON_SHARED | SYSV_IPC), "shared"),
        (mapping(FILE_SHARED | MEMFD), "shared"),
        (mapping(ANON_PRIVATE | STACK), "stack"),
        (mapping(ANON_PRIVATE, flags=MAP_PRIVATE | GROWSDOWN), "stack"),
        (mapping(ANON_PRIVATE, start=0x9000), "stack"),
        (mapping(ANON_PRIVATE | HEAP), "heap"),
        (mapping(ANON_PRIVATE, start=0x5000), "heap"),
        (mapping(FILE_PRIVATE, start=0x5000), "file"),
        (mapping(ANON_PRIVATE | VDSO), "other"),
        (mapping(VSYSCALL), "other"),
        (mapping(0), "other"),
    ],
)
def test_the_kind_follows_from_what_criu_noted(found: Mapping, kind: str) -> None:
    assert kind_of(found, SPACE) == kind


@pytest.mark.parametrize(
    "prot, flags, access",
    [
        (READ, MAP_PRIVATE, "r--p"),
        (READ | WRITE, MAP_SHARED, "rw-s"),
        (READ | EXECUTE, MAP_PRIVATE, "r-xp"),
        (0, MAP_PRIVATE, "---p"),
    ],
)
def test_rights_are_written_as_the_kernel_does(prot: int, flags: int, access: str) -> None:
    assert access_of(mapping(ANON_PRIVATE, prot=prot, flags=flags)) == access


def test_a_mapping_has_the_path_of_its_file_or_a_name() -> None:
    images = Images(Budget())
    images.files = {
        1: OpenFile(file_id=1, kind="file", path="/bin/counter"),
        2: OpenFile(file_id=2, kind="memfd", behind_id=0),
        3: OpenFile(file_id=3, kind="memfd", behind_id=1),
    }
    images.memfd_names = {0: "cache", 1: "/dev/zero"}

    def path(found: Mapping) -> str:
        return path_of_mapping(found, kind_of(found, SPACE), images)

    assert path(mapping(FILE_PRIVATE, shmid=1)) == "/bin/counter"
    assert path(mapping(FILE_SHARED | MEMFD, shmid=2)) == "memfd:cache"
    assert path(mapping(FILE_SHARED | MEMFD, shmid=3)) == "/dev/zero"
    assert path(mapping(FILE_PRIVATE, shmid=9)) == ""
    assert path(mapping(ANON_PRIVATE | HEAP)) == "[heap]"
    assert path(mapping(VDSO)) == "[vdso]"
    assert path(mapping(ANON_PRIVATE, shmid=1)) == ""


def test_the_kernels_own_page_is_not_counted_as_address_space() -> None:
    assert size_of(mapping(ANON_PRIVATE)) == 0x1000
    assert size_of(mapping(VSYSCALL)) == 0
