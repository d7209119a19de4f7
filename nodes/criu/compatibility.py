"""Kernels that are newer than a CRIU can work on: each limit was seen, none is guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, int]

_VERSION = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})")


@dataclass(frozen=True, kw_only=True)
class KernelLimit:
    """Say what a CRIU below ``criu_below`` does on a kernel from ``kernel_from`` on."""

    criu_below: Version
    kernel_from: Version
    # Completes the sentence "This CRIU …".
    consequence: str
    source: str


# The worst first: the first that applies is told.
KERNEL_LIMITS = (
    KernelLimit(
        criu_below=(3, 18),
        kernel_from=(6, 18),
        consequence="does not start there, for it cannot read the kernel's vDSO",
        source="field note 11, measured: CRIU 3.17 on kernel 6.18",
    ),
    KernelLimit(
        criu_below=(4, 1),
        kernel_from=(6, 13),
        consequence="does not start there, for it does not know the vvar_vclock mapping",
        source="criu#2532; the mapping is known to CRIU since 4.1, commit 8ee2eba47",
    ),
    KernelLimit(
        criu_below=(4, 2),
        kernel_from=(6, 16),
        consequence="cannot dump a container that has a network socket",
        source="field note 11, measured: CRIU 4.1 on kernel 6.18; criu#2705, fixed in 4.2",
    ),
)


def kernel_newer_than_criu(criu_version: str, kernel: str) -> KernelLimit | None:
    """Return what this CRIU cannot do on this kernel, None if nothing or a version is unknown."""
    criu, running = _parse(criu_version), _parse(kernel)
    if criu is None or running is None:
        return None
    for limit in KERNEL_LIMITS:
        if criu < limit.criu_below and running >= limit.kernel_from:
            return limit
    return None


def _parse(version: str) -> Version | None:
    match = _VERSION.match(version.strip())
    return (int(match.group(1)), int(match.group(2))) if match else None
