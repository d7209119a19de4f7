"""What the phases of each kind of operation, and CRIU's figures, are called."""

from __future__ import annotations

from nodes.models import OperationKind

PHASE_TITLES = {
    "preflight": "Preflight",
    "image": "Image",
    "checkpoint": "Checkpoint",
    "transfer": "Transfer",
    "restore": "Restore",
    "verify": "Verify",
    "clean-up": "Clean up",
    "inspect": "Inspect",
    "packages": "Packages",
    "configuration": "Configuration",
    "readiness": "Readiness",
    "run": "Run",
    "rollback": "Rollback",
}
_MIGRATION_SENTENCES = {
    "preflight": "Ask both nodes whether it can work",
    "image": "Copy the image by ID if it is missing",
    "checkpoint": "Stop the processes and write their memory",
    "transfer": "Bring the archive into the catalog and over",
    "restore": "Start it again from the archive",
    "verify": "Watch that it keeps running",
    "clean-up": "Remove what is left on the source",
}
_CHECKPOINT_SENTENCES = {
    "preflight": "Ask the node whether it can work",
    "checkpoint": "Freeze the processes and write their memory",
    "transfer": "Bring the archive into the catalog and read it",
    "clean-up": "Remove what is left on the node",
}
_RESTORE_SENTENCES = {
    "preflight": "Ask the node whether it can work",
    "image": "Copy the image by ID if it is missing",
    "transfer": "Bring the archive from the catalog to the node",
    "restore": "Start the container from the archive",
    "verify": "Watch that it keeps running",
    "clean-up": "Remove the archive from the node again",
}
_PREPARATION_SENTENCES = {
    "inspect": "Ask the node what it has",
    "packages": "Install what is missing",
    "configuration": "Merge containers.conf, keeping a copy",
    "readiness": "Ask the node again",
}
_SELFTEST_SENTENCES = {
    "image": "Make a small image of the node’s own shell",
    "run": "Start two containers from it",
    "checkpoint": "Freeze them and write their memory",
    "restore": "Start them again from their archives",
    "verify": "See that they count on from where they were",
    "clean-up": "Remove everything again",
}
PHASE_SENTENCES: dict[str, dict[str, str]] = {
    OperationKind.MIGRATE: _MIGRATION_SENTENCES,
    OperationKind.CHECKPOINT: _CHECKPOINT_SENTENCES,
    OperationKind.RESTORE: _RESTORE_SENTENCES,
    OperationKind.PREPARE: _PREPARATION_SENTENCES,
    OperationKind.UNDO_PREPARE: {
        **_PREPARATION_SENTENCES,
        "configuration": "Put containers.conf back",
    },
    OperationKind.SELFTEST: _SELFTEST_SENTENCES,
}
# Each with its name and what it counts; the order is that of the table.
STATISTICS = {
    "podman_checkpoint_duration_s": ("Podman, in all", "with writing the archive"),
    "podman_restore_duration_s": ("Podman, in all", "with unpacking the archive"),
    "runtime_checkpoint_duration_s": ("OCI runtime", "runc and CRIU together"),
    "runtime_restore_duration_s": ("OCI runtime", "runc and CRIU together"),
    "freezing_time_s": ("Freezing", "until every process had stopped"),
    "frozen_time_s": ("Frozen", "no process ran"),
    "memdump_time_s": ("Memory dump", "taking the pages out of the processes"),
    "memwrite_time_s": ("Memory write", "writing them to disk"),
    "forking_time_s": ("Forking", "making the processes again"),
    "restore_time_s": ("Restore", "until the processes could run"),
    "pages_scanned": ("Pages scanned", "looked at"),
    "pages_written": ("Pages written", "with something in them"),
    "pages_compared": ("Pages compared", "with a parent’s"),
    "pages_skipped_cow": ("Pages skipped", "shared with a parent, copy on write"),
    "pages_restored": ("Pages restored", "put back into the processes"),
}
