"""Why an operation cannot go on.

WorkflowError
├── PreflightFailed     nothing was changed
├── CheckpointFailed    the dump failed: the container runs on
├── TransferFailed      image or archive did not arrive whole
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


class WorkflowError(FerryError):
    code = "operation_failed"
    # Whether a rule of nodes.criu.diagnosis names the cause.
    diagnosed: bool = False

    def __init__(self, message: str, **told: Any) -> None:
        super().__init__(message, **told)
        self.logs: list[FetchedLog] = []


class PreflightFailed(WorkflowError):
    code = "preflight_failed"

    def __init__(self, findings: Sequence[Finding]) -> None:
        errors = errors_in(findings)
        super().__init__(
            "Preflight found what would make the migration fail, so nothing was changed.",
            cause=" ".join(finding.message for finding in errors),
            remedy=" ".join(finding.remedy for finding in errors if finding.remedy),
            options={name: value for each in errors for name, value in each.options.items()},
        )
        self.findings = list(findings)


class CheckpointFailed(WorkflowError):
    code = "checkpoint_failed"


class TransferFailed(WorkflowError):
    code = "transfer_failed"


class RestoreFailed(WorkflowError):
    code = "restore_failed"


class VolumeAppeared(RestoreFailed):
    def __init__(self, node: str, volumes: Sequence[str]) -> None:
        super().__init__(
            f"A volume of the container appeared on {node} during the transfer.",
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


class StateUnknown(WorkflowError):
    code = "state_unknown"
