"""What a node tells as a version breaks no comparison."""

from __future__ import annotations

import pytest

from nodes.host.version import version_numbers


@pytest.mark.parametrize(
    "version, numbers",
    [
        ("5.8.6", (5, 8, 6)),
        ("4.0-rc1.2", (4, 2)),
        ("", ()),
        ("5.².1", (5, 1)),
        ("1." + "9" * 5000, (1, 999_999_999)),
    ],
)
def test_only_numbers_count_and_none_is_too_long(version: str, numbers: tuple[int, ...]) -> None:
    assert version_numbers(version) == numbers
