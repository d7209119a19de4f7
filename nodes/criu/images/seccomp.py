"""Find out what a seccomp filter does with a system call, by running it as the kernel would."""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Sequence
from typing import Final

from nodes.criu.images.confinement import SeccompFilter

# BPF_MAXINSNS of the kernel, which takes no longer program.
MOST_INSTRUCTIONS: Final = 4096
# Beyond what a container has; the kernel takes 32,768 instructions in all (MAX_INSNS_PER_PATH).
_MOST_CHAINED: Final = 64
# SECCOMP_RET_ALLOW, LOG, TRACE and USER_NOTIF: after each the call may happen.
_ALLOWED: Final = frozenset([0x7FFF0000, 0x7FFC0000, 0x7FF00000, 0x7FC00000])
_INSTRUCTION: Final = struct.Struct("<HBBI")
# Of struct seccomp_data, and of a program's memory.
_WORDS: Final = 16
_COMPARISONS: Final[dict[int, Callable[[int, int], int]]] = {
    0x15: operator.eq,
    0x25: operator.gt,
    0x35: operator.ge,
    0x45: operator.and_,
}
# By BPF_JMP, a comparison, and BPF_K or BPF_X: linux/bpf_common.h.
_JUMPS: Final = {
    code | source: compare for code, compare in _COMPARISONS.items() for source in (0x00, 0x08)
}


class Filters:
    """The filters of one archive: most are equal, one for each process, and are run once."""

    def __init__(self, filters: Sequence[SeccompFilter]) -> None:
        self._filters = filters
        self._known: dict[tuple[bytes, int, int], bool] = {}

    def denies(self, place: int, architecture: int, call: int) -> bool:
        """Tell whether the filter at a place, or one that holds as well, prevents a call."""
        at: int | None = place
        for _ in range(_MOST_CHAINED):
            if at is None or at >= len(self._filters):
                return False
            key = self._filters[at].program, architecture, call
            if key not in self._known:
                self._known[key] = _denied_by(*key)
            if self._known[key]:
                return True
            at = self._filters[at].previous
        return False


def _denied_by(program: bytes, architecture: int, call: int) -> bool:
    """Run one program; one that is not understood denies nothing."""
    size_bytes = _INSTRUCTION.size
    if len(program) % size_bytes or len(program) > MOST_INSTRUCTIONS * size_bytes:
        return False
    # The call, the architecture, then where it is called and its arguments.
    data = [call, architecture, *([0] * (_WORDS - 2))]
    memory = [0] * _WORDS
    accumulator = index = at = 0
    while at < len(program):
        code, if_true, if_false, value = _INSTRUCTION.unpack_from(program, at)
        at += size_bytes
        if code in _JUMPS:
            is_true = _JUMPS[code](accumulator, index if code & 0x08 else value)
            at += (if_true if is_true else if_false) * size_bytes
        elif code == 0x05:  # ja
            at += value * size_bytes
        elif code == 0x06:  # ret
            return value & 0xFFFF0000 not in _ALLOWED
        elif code == 0x20 and value < 4 * _WORDS and value % 4 == 0:  # ld [value]
            accumulator = data[value // 4]
        elif code == 0x54:  # and
            accumulator &= value
        elif code == 0x02 and value < _WORDS:  # st M[value]
            memory[value] = accumulator
        elif code in (0x60, 0x61) and value < _WORDS:  # ld, ldx M[value]
            accumulator, index = (
                (memory[value], index) if code == 0x60 else (accumulator, memory[value])
            )
        else:
            return False
    return False
