"""What people type, checked."""

from __future__ import annotations

from nodes.forms.checkpoint import CheckpointForm
from nodes.forms.container import ContainerActionForm
from nodes.forms.migration import MigrationForm
from nodes.forms.node import HostKeyForm, NodeForm
from nodes.forms.restore import RestoreForm

__all__ = [
    "CheckpointForm",
    "ContainerActionForm",
    "HostKeyForm",
    "MigrationForm",
    "NodeForm",
    "RestoreForm",
]
