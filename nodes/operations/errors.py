"""Why an operation cannot go on.

WorkflowError
├── PreflightFailed     nothing was changed
├── CheckpointFailed    the dump failed: the container runs on
├── TransferFailed      image or archive did not arrive whole
│   └── TransferStalled a link that answers moves no byte any more
├── RestoreFailed       the destination did not bring the container back
├── VerifyFailed        it came back, but not as it was, or ended at once
├── RollbackFailed      the source did not bring it back either: the archive holds its state
└── StateUnknown        the nodes cannot be asked where it runs: nothing was guessed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nodes.finding import Finding, errors_in
from nodes.problem import FerryError


@dataclass(frozen=True, kw_only=True)
class FetchedLog:
    """A log as the node had it, whole."""

    name: str
    node: str
    text: str
    # What the container itself printed is not for everybody who may look at operations.
    is_private: bool = False


# A shell's way to tell of a signal.
_SIGNALLED = 128


class WorkflowError(FerryError):
    code = "operation_failed"
    # Whether a rule of nodes.criu.diagnosis names the cause.
    diagnosed: bool = False

    def __init__(self, message: str, **told: Any) -> None:
        super().__init__(message, **told)
        self.logs: list[FetchedLog] = []


class PreflightFailed(WorkflowError):
    code = "preflight_failed"

    def __init__(self, findings: Sequence[Finding], what: str) -> None:
        errors = errors_in(findings)
        super().__init__(
            f"Preflight found what would make the {what} fail, so nothing was changed.",
            cause=" ".join(finding.message for finding in errors),
            remedy=" ".join(finding.remedy for finding in errors if finding.remedy),
            options={name: value for each in errors for name, value in each.options.items()},
        )
        self.findings = list(findings)


class CheckpointFailed(WorkflowError):
    code = "checkpoint_failed"


class TransferFailed(WorkflowError):
    code = "transfer_failed"


class TransferStalled(TransferFailed):
    code = "transfer_stalled"


class RestoreFailed(WorkflowError):
    code = "restore_failed"


class VolumeAppeared(RestoreFailed):
    def __init__(self, node: str, volumes: Sequence[str]) -> None:
        super().__init__(
            f"A volume of the container appeared on {node} after preflight.",
            cause=", ".join(volumes),
            remedy="Remove it there, or set --ignore-volumes to use it as it is, then try again.",
            options={"ignore_volumes": True},
            rule="volume-in-use",
            node=node,
        )


class VerifyFailed(WorkflowError):
    code = "verify_failed"


class RollbackFailed(WorkflowError):
    code = "rollback_failed"


def _by_signal(exit_code: int) -> str:
    # A CRIU that is killed while its own code is inside the program leaves it to a SIGTRAP.
    number = exit_code - _SIGNALLED
    return f", which is the signal {number}" if 0 < number < _SIGNALLED else ""


class EndedMeanwhile(RollbackFailed):
    """The container ended, and no checkpoint of this operation has its memory."""

    code = "ended_meanwhile"

    def __init__(self, container: str, node: str, exit_code: int) -> None:
        super().__init__(
            f"{container} is not running on {node}: it ended during the operation.",
            cause=f"Its exit code is {exit_code}{_by_signal(exit_code)}. There is no whole "
            "checkpoint of it by this operation, so nothing could be brought back.",
            remedy=f"Start it when you want it: `podman start {container}`. Nothing of it was "
            "removed.",
        )


class StartedAfresh(RollbackFailed):
    """A restart policy or a person has started the container that the operation had frozen."""

    code = "started_afresh"

    def __init__(self, container: str, node: str) -> None:
        super().__init__(
            f"{container} runs on {node}, but was started afresh there meanwhile.",
            cause="Its restart policy or somebody has started it after its checkpoint.",
            remedy="What it had in memory is in the checkpoint that is left with it, and in the "
            "archive, if there is one in the catalog.",
        )


class StateUnknown(WorkflowError):
    code = "state_unknown"
