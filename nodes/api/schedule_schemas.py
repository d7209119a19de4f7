"""What programs send and get of schedules, their runs, and keep rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from ninja import Schema
from pydantic import ConfigDict

from nodes.api.references import Reference
from nodes.models import Schedule, ScheduleRun


class KeepRulesIn(Schema):
    """What is kept of each container, and how old and large all may become; null is no rule."""

    model_config = ConfigDict(extra="forbid")

    keep_last: int | None = None
    keep_hourly: int | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    max_age_days: int | None = None
    max_total_bytes: int | None = None


class ScheduleIn(KeepRulesIn):
    """``cron`` has five fields, in the site's time zone. What is empty of the choice fits all."""

    name: str
    cron: str
    enabled: bool = True
    names: list[str] = []
    label: str = ""
    nodes: list[Reference] = []
    compress: str = "zstd"
    tcp_established: bool = False
    file_locks: bool = False
    ignore_rootfs: bool = False
    ignore_volumes: bool = False


class SchedulePatch(KeepRulesIn):
    name: str | None = None
    cron: str | None = None
    enabled: bool | None = None
    names: list[str] | None = None
    label: str | None = None
    nodes: list[Reference] | None = None
    compress: str | None = None
    tcp_established: bool | None = None
    file_locks: bool | None = None
    ignore_rootfs: bool | None = None
    ignore_volumes: bool | None = None


class KeepRulesOut(Schema):
    keep_last: int | None
    keep_hourly: int | None
    keep_daily: int | None
    keep_weekly: int | None
    max_age_days: int | None
    max_total_bytes: int | None


class ScheduleOut(KeepRulesOut):
    id: int
    name: str
    cron: str
    time_zone: str
    enabled: bool
    names: list[str]
    label: str
    nodes: list[int]
    compress: str
    tcp_established: bool
    file_locks: bool
    ignore_rootfs: bool
    ignore_volumes: bool
    last_run_at: datetime | None
    next_run_at: datetime | None
    # What it holds.
    archives: int
    archive_bytes: int
    created_by: str | None
    created_at: datetime

    @staticmethod
    def resolve_nodes(schedule: Schedule) -> list[int]:
        return [node.pk for node in schedule.nodes.all()]

    @staticmethod
    def resolve_time_zone(schedule: Schedule) -> str:
        return timezone.get_default_timezone_name()

    @staticmethod
    def resolve_archives(schedule: Any) -> int:
        return int(schedule.archive_count)

    @staticmethod
    def resolve_created_by(schedule: Schedule) -> str | None:
        return schedule.created_by.get_username() if schedule.created_by else None


class RunOut(Schema):
    id: int
    at: datetime
    # The time for which it ran; null for one that somebody asked for.
    due_at: datetime | None
    asked_by: str | None
    # Ids of those that were started.
    operations: list[int]
    # {container, node, reason} of what fitted and could not be taken.
    skipped: list[dict[str, str]]
    # When the keep rules were applied after it, and how many archives went.
    expired_at: datetime | None
    expired: int

    @staticmethod
    def resolve_asked_by(run: ScheduleRun) -> str | None:
        return run.asked_by.get_username() if run.asked_by else None

    @staticmethod
    def resolve_operations(run: ScheduleRun) -> list[int]:
        return [operation.pk for operation in run.operations.all()]


class JudgedOut(Schema):
    archive: int
    name: str
    container: str
    node_name: str
    created_at: datetime
    size_bytes: int
    keep: bool
    reason: str
    # Whether it stays whatever the rules say: pinned, needed, the last copy.
    protected: bool


class RetentionOut(Schema):
    """What the rules say now of every archive under them, the newest first."""

    rules: KeepRulesOut
    archives: list[JudgedOut]
    deleted: int
    deleted_bytes: int
    kept: int
    kept_bytes: int
