"""When which containers are checkpointed by themselves, and which of their archives stay."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse

from nodes.models.node import Node
from nodes.models.operation import Operation

_AT_LEAST_ONE = [MinValueValidator(1)]


class KeepRulesFields(models.Model):
    """What nodes.catalog.retention.KeepRules says; None is no rule."""

    keep_last = models.PositiveIntegerField(null=True, blank=True, validators=_AT_LEAST_ONE)
    keep_hourly = models.PositiveIntegerField(null=True, blank=True, validators=_AT_LEAST_ONE)
    keep_daily = models.PositiveIntegerField(null=True, blank=True, validators=_AT_LEAST_ONE)
    keep_weekly = models.PositiveIntegerField(null=True, blank=True, validators=_AT_LEAST_ONE)
    max_age_days = models.PositiveIntegerField(null=True, blank=True, validators=_AT_LEAST_ONE)
    max_total_bytes = models.PositiveBigIntegerField(
        null=True, blank=True, validators=_AT_LEAST_ONE
    )

    class Meta:
        abstract = True


class Schedule(KeepRulesFields):
    name = models.CharField(max_length=100, unique=True)
    enabled = models.BooleanField(default=True)
    # Five fields in the site's time zone: nodes/operations/cron.py.
    cron = models.CharField(max_length=100)
    # Which containers: all that are given must fit, and what is empty fits everything.
    names = models.JSONField(default=list, blank=True)  # shell patterns
    label = models.CharField(max_length=255, blank=True)  # key or key=value
    nodes = models.ManyToManyField(Node, blank=True, related_name="schedules")
    # Options of the checkpoints, as Podman spells them.
    compress = models.CharField(max_length=8, default="zstd")
    tcp_established = models.BooleanField(default=False)
    file_locks = models.BooleanField(default=False)
    ignore_rootfs = models.BooleanField(default=False)
    ignore_volumes = models.BooleanField(default=False)
    last_run_at = models.DateTimeField(null=True, blank=True)
    # None while it is disabled. Whoever moves it on has claimed the run.
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("schedule-detail", args=[self.pk])


class ScheduleRun(models.Model):
    """One time at which a schedule was carried out."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="runs")
    at = models.DateTimeField(auto_now_add=True)
    # The time for which it ran; None for one that somebody asked for.
    due_at = models.DateTimeField(null=True, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    operations = models.ManyToManyField(Operation, related_name="schedule_runs")
    # [{container, node, reason}] of what fitted and was not checkpointed.
    skipped = models.JSONField(default=list)
    # When the keep rules were applied after its operations had ended, and how many archives went.
    expired_at = models.DateTimeField(null=True, blank=True)
    expired = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.schedule} at {self.at:%Y-%m-%d %H:%M}"


class CatalogRetention(KeepRulesFields):
    """The rule for archives that belong to no schedule: one row, or none yet."""

    def __str__(self) -> str:
        return "The catalog"

    @classmethod
    def load(cls) -> CatalogRetention:
        """Return the one there is; until somebody has written it, an empty one."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)
