"""How long each phase may take, so that nothing waits for ever."""

from __future__ import annotations

from django.conf import settings

from nodes.operations.errors import WorkflowError

# A transfer that moves no byte ends far earlier: this is for one that never comes to its end.
DEFAULT_LIMIT_S = 3600.0
LIMITS_S = {
    "preflight": 180.0,
    "image": 2 * 3600.0,
    "checkpoint": 2 * 3600.0,
    "transfer": 6 * 3600.0,
    # One whose runc was killed under it never ends (Podman 5.8.6), and nothing runs meanwhile.
    "restore": 1800.0,
    # Both nodes hash the archive again in it, and the container serves meanwhile.
    "verify": 6 * 3600.0,
    "clean-up": 600.0,
}


class PhaseTimedOut(WorkflowError):
    code = "phase_timed_out"

    def __init__(self, phase: str, limit_s: float) -> None:
        super().__init__(
            f"The phase {phase} took longer than the {limit_s:g} s that it may take.",
            remedy=f"See in the log what it waited for. If it needs more time, set "
            f"FERRY_PHASE_LIMITS_S={phase}=SECONDS, then try again.",
        )


def limit_s(phase: str) -> float:
    """Return the phase's limit: the site's setting, or the default."""
    found = settings.FERRY_PHASE_LIMITS_S.get(phase)
    return float(found) if found is not None else LIMITS_S.get(phase, DEFAULT_LIMIT_S)
