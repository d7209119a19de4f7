"""Rows as the site would have made them. The cast: nodes alder and birch, container counter."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from nodes.catalog.compression import detect_compression
from nodes.models import (
    Archive,
    Batch,
    BatchKind,
    Container,
    Node,
    NodeState,
    Operation,
    OperationKind,
    OperationState,
    Schedule,
)
from nodes.models.role import Role, assign_role
from nodes.operations import restore_from_archive, take_checkpoint
from nodes.operations.migrate import PHASES
from nodes.operations.row_report import new_phases

PASSWORD = "a long enough one"
# A key of no host; nothing listens on the port either.
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII+mVRnnJSNYOtyu1KWEju5e8i4ziZdlGAJKi5nguu4g"
CLOSED_PORT = 1
COUNTER_ID = "7657bdea19a4" + "0" * 52
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def make_user(name: str, role: Role) -> User:
    user = User.objects.create_user(name, password=PASSWORD)
    assign_role(user, role)
    return user


def host_key_of(name: str) -> str:
    """Return a public host key that no other name has."""
    if name == "alder":
        return HOST_KEY
    kind = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
    blob = base64.b64encode(kind + hashlib.sha256(name.encode()).digest()).decode()
    return f"ssh-ed25519 {blob}"


def make_node(name: str = "alder", **values: Any) -> Node:
    defaults = {
        "host": "127.0.0.1",
        "port": CLOSED_PORT,
        "host_key": host_key_of(name),
        "state": NodeState.ONLINE,
    }
    return Node.objects.create(name=name, **{**defaults, **values})


def make_container(node: Node, name: str = "counter", **values: Any) -> Container:
    defaults = {
        "podman_id": COUNTER_ID,
        "image": "localhost/ferry-counter:latest",
        "image_id": "a3" * 32,
        "state": "running",
        "status": "Up 3 minutes",
        "observed_at": timezone.now(),
    }
    return Container.objects.create(node=node, name=name, **{**defaults, **values})


def make_operation(
    source: Node,
    destination: Node,
    *,
    state: OperationState = OperationState.QUEUED,
    **values: Any,
) -> Operation:
    defaults = {
        "kind": OperationKind.MIGRATE,
        "phases": new_phases(PHASES),
        "container_podman_id": COUNTER_ID,
        "container_name": "counter",
        "source_name": source.name,
        "destination_name": destination.name,
    }
    return Operation.objects.create(
        source=source, destination=destination, state=state, **{**defaults, **values}
    )


def make_checkpoint(container: Container, **values: Any) -> Operation:
    """Make the operation that checkpoints the container on its node."""
    defaults = {
        "kind": OperationKind.CHECKPOINT,
        "phases": new_phases(take_checkpoint.PHASES),
        "container_podman_id": container.podman_id,
        "container_name": container.name,
        "source": container.node,
        "source_name": container.node.name,
    }
    return Operation.objects.create(**{**defaults, **values})


def make_restore(archive: Archive, node: Node, **values: Any) -> Operation:
    """Make the operation that restores the archive on the node."""
    defaults = {
        "kind": OperationKind.RESTORE,
        "phases": new_phases(restore_from_archive.PHASES),
        "container_podman_id": archive.container_podman_id,
        "container_name": archive.container_name,
        "destination": node,
        "destination_name": node.name,
        "archive": archive,
    }
    return Operation.objects.create(**{**defaults, **values})


def make_archive(
    node: Node | None = None, *, content: bytes = ZSTD_MAGIC, **values: Any
) -> Archive:
    """Make the row and its file."""
    sha256 = hashlib.sha256(content).hexdigest()
    folder = Path(settings.FERRY_ARCHIVES_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    key = values.setdefault("key", f"{Archive.objects.count():032x}")
    (folder / key).write_bytes(content)
    defaults = {
        "name": "counter-20261124-021900",
        "sha256": sha256,
        "size_bytes": len(content),
        "compression": detect_compression(content),
        "container_name": "counter",
        "container_podman_id": COUNTER_ID,
        "node": node,
        "node_name": node.name if node else "alder",
    }
    return Archive.objects.create(**{**defaults, **values})


def make_batch(containers: Iterable[Container], destination: Node, **values: Any) -> Batch:
    """Make a batch in which each of the containers waits to go to the destination.

    Without ``created_by`` it is one of Olga, who may operate.
    """
    if "created_by" not in values:
        olga = User.objects.filter(username="olga").first()
        values["created_by"] = olga or make_user("olga", Role.OPERATOR)
    batch = Batch.objects.create(**{"kind": BatchKind.MIGRATE, **values})
    for container in containers:
        batch.items.create(
            container_podman_id=container.podman_id,
            container_name=container.name,
            source=container.node,
            source_name=container.node.name,
            destination=destination,
            destination_name=destination.name,
        )
    return batch


def make_schedule(name: str = "nightly", **values: Any) -> Schedule:
    return Schedule.objects.create(name=name, **{"cron": "0 3 * * *", **values})
