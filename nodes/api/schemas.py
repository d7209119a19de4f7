"""What the API answers; the names are the contract with programs outside."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Schema

from nodes.models import Archive, Container, Node, NodeEvent, Operation, OperationKind
from nodes.operations.ways_back import ways_back


class ProblemOut(Schema):
    """RFC 9457 problem details, sent as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    cause: str
    remedy: str
    errors: list[dict[str, str]] = []


class FindingOut(Schema):
    check: str
    level: str
    message: str
    evidence: str
    remedy: str
    # What the site itself can do about it: "prepare", "selftest" or "".
    fix: str = ""
    # Options of a migration with which the check would pass.
    options: dict[str, Any] = {}


class EditOut(Schema):
    path: str
    diff: str


class PlanOut(Schema):
    """What a preparation would do, in order; the option ``plan`` holds it to this ``digest``."""

    digest: str
    packages: list[str]
    commands: list[list[str]]
    edits: list[EditOut]


class FindingsOut(Schema):
    findings: list[FindingOut]
    # Of the kind prepare only.
    plan: PlanOut | None = None
    # Of the restore of an uploaded archive: what it would get, and what to send as ``confirmed``
    # to let it.
    privileges: list[dict[str, str]] | None = None
    confirmed: str | None = None


class NodeOut(Schema):
    id: int
    name: str
    host: str
    port: int
    user: str
    sudo: bool
    tags: list[str]
    host_key: str
    host_key_fingerprint: str
    state: str
    # Why it is not online: {code, message, cause, remedy}.
    problem: dict[str, Any] | None
    readiness: str
    findings: list[FindingOut]
    readiness_at: datetime | None
    # How the last self-test ended: {passed, at, operation, message, seconds, versions, …}.
    selftest: dict[str, Any] | None
    facts: dict[str, Any]
    last_seen_at: datetime | None

    @staticmethod
    def resolve_selftest(node: Node) -> dict[str, Any] | None:
        return node.selftest or None

    @staticmethod
    def resolve_problem(node: Node) -> dict[str, Any] | None:
        return node.problem or None


class NodeEventOut(Schema):
    """A change of a node; ``level`` is "" for what is no longer found."""

    id: int
    at: datetime
    check: str
    level_before: str
    level: str
    message: str
    evidence: str

    @staticmethod
    def resolve_check(event: NodeEvent) -> str:
        return event.check_name


class ContainerOut(Schema):
    id: int
    podman_id: str
    name: str
    image: str
    image_id: str
    state: str
    status: str
    ports: list[dict[str, Any]]
    created_at: datetime | None
    observed_at: datetime
    node: int
    node_name: str

    @staticmethod
    def resolve_node(container: Container) -> int:
        return container.node_id

    @staticmethod
    def resolve_node_name(container: Container) -> str:
        return container.node.name


class OperationOut(Schema):
    id: int
    kind: str
    state: str
    phase: str
    phases: list[dict[str, Any]]
    container: str
    container_podman_id: str
    source: int | None
    source_name: str
    destination: int | None
    destination_name: str
    # Of the kinds that take place on one node: that node.
    node: int | None
    archive: int | None
    options: dict[str, Any]
    findings: list[FindingOut]
    result: dict[str, Any]
    # {code, message, cause, remedy, options, rule, line, action, node} when it did not succeed.
    error: dict[str, Any] | None
    # [{way, label, promise, assurance}]: what can be done when nobody knows how it ended.
    ways_back: list[dict[str, str]]
    retry_of: int | None
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @staticmethod
    def resolve_ways_back(operation: Operation) -> list[dict[str, str]]:
        return [way.as_dict() for way in ways_back(operation)]

    @staticmethod
    def resolve_retry_of(operation: Operation) -> int | None:
        return operation.retry_of_id

    @staticmethod
    def resolve_container(operation: Operation) -> str:
        return operation.container_name

    @staticmethod
    def resolve_source(operation: Operation) -> int | None:
        return operation.source_id

    @staticmethod
    def resolve_node(operation: Operation) -> int | None:
        if operation.kind == OperationKind.RESTORE:
            return operation.destination_id
        return None if operation.kind == OperationKind.MIGRATE else operation.source_id

    @staticmethod
    def resolve_destination(operation: Operation) -> int | None:
        return operation.destination_id

    @staticmethod
    def resolve_archive(operation: Operation) -> int | None:
        return operation.archive_id

    @staticmethod
    def resolve_error(operation: Operation) -> dict[str, Any] | None:
        return operation.error or None

    @staticmethod
    def resolve_created_by(operation: Operation) -> str | None:
        return operation.created_by.get_username() if operation.created_by else None


class EventOut(Schema):
    id: int
    at: datetime
    phase: str
    level: str
    message: str


class LogOut(Schema):
    id: int
    name: str
    node_name: str
    created_at: datetime


class ArchiveOut(Schema):
    id: int
    name: str
    file_name: str
    state: str
    sha256: str
    size_bytes: int
    compression: str
    container: str
    container_podman_id: str
    image: str
    image_id: str
    node: int | None
    node_name: str
    options: dict[str, Any]
    versions: dict[str, Any]
    pinned: bool
    note: str
    # checkpoint or upload
    origin: str
    tags: list[str]
    # unread, read or unreadable, and why.
    contents_state: str
    contents_problem: str
    unpacked_bytes: int
    memory_bytes: int
    verified_at: datetime | None
    verify_problem: str
    created_at: datetime

    @staticmethod
    def resolve_tags(archive: Archive) -> list[str]:
        return [tag.name for tag in archive.tags.all()]

    @staticmethod
    def resolve_container(archive: Archive) -> str:
        return archive.container_name

    @staticmethod
    def resolve_node(archive: Archive) -> int | None:
        return archive.node_id
