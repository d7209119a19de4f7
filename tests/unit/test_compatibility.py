"""Which kernels are newer than a CRIU can work on."""

from __future__ import annotations

import pytest

from nodes.criu.compatibility import KERNEL_LIMITS, kernel_newer_than_criu


@pytest.mark.parametrize(
    "criu, kernel, consequence",
    [
        ("4.1.1", "6.18.44-fc-v657", "network socket"),
        ("4.1", "6.16.0", "network socket"),
        ("v4.1-rc1", "7.0", "network socket"),
        ("4.0", "6.13.7-200.fc41.x86_64", "vvar_vclock"),
        ("3.19", "6.18.0", "vvar_vclock"),
        ("3.17", "6.18.44", "cannot read the kernel's vDSO"),
        ("3.17.1", "6.18", "cannot read the kernel's vDSO"),
        ("2.12", "10.0", "cannot read the kernel's vDSO"),
    ],
)
def test_a_kernel_that_is_too_new_is_known(criu: str, kernel: str, consequence: str) -> None:
    limit = kernel_newer_than_criu(criu, kernel)
    assert limit is not None
    assert consequence in limit.consequence


@pytest.mark.parametrize(
    "criu, kernel",
    [
        ("4.2", "6.18.44"),
        ("4.2.1", "7.1"),
        ("4.10", "6.18"),
        ("4.1", "6.15.9"),
        ("4.0", "6.12.41+deb13-amd64"),
        ("3.17", "6.1.0-37-amd64"),
        ("", "6.18"),
        ("4.1", ""),
        ("unknown", "6.18"),
        ("4", "6.18"),
        ("4.1", "6"),
        ("4.1", "-6.18"),
        ("٤.١", "6.18"),
        ("4." + "9" * 100_000, "6.18"),
        ("\n", "\x00"),
        ("{0}", "%d.%d"),
    ],
)
def test_what_works_or_cannot_be_read_is_no_limit(criu: str, kernel: str) -> None:
    assert kernel_newer_than_criu(criu, kernel) is None


def test_every_limit_has_a_source() -> None:
    assert all(limit.source and limit.consequence for limit in KERNEL_LIMITS)
