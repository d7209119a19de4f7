"""Apply the keep rules to the catalog's rows: say what would go and why, and let it go."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from nodes.archives.change import Actor, delete_archive
from nodes.archives.errors import ArchiveNeeded
from nodes.archives.place import archive_store
from nodes.catalog.errors import StoreError
from nodes.catalog.retention import Candidate, KeepRules, judge
from nodes.catalog.store import Store
from nodes.models import (
    Archive,
    CatalogRetention,
    Container,
    ContentsState,
    Operation,
    Schedule,
)

logger = logging.getLogger(__name__)
Rule = Schedule | CatalogRetention
_NEEDED_FIELDS = (
    "name", "key", "container_name", "container_podman_id", "node_name", "created_at",
    "size_bytes", "pinned", "verify_problem", "contents_state", "schedule",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Judged:
    archive: Archive
    keep: bool
    reason: str
    # It stays whatever the rules say.
    protected: bool


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a rule says of every archive under it, the newest first."""

    rules: KeepRules
    judged: Sequence[Judged]

    @property
    def going(self) -> list[Judged]:
        return [each for each in self.judged if not each.keep]

    @property
    def staying(self) -> list[Judged]:
        return [each for each in self.judged if each.keep]

    @property
    def protected(self) -> list[Judged]:
        return [each for each in self.judged if each.protected]

    @property
    def kept(self) -> list[Judged]:
        """Return what stays because of the rules."""
        return [each for each in self.staying if not each.protected]

    @property
    def going_bytes(self) -> int:
        return sum(each.archive.size_bytes for each in self.going)

    @property
    def staying_bytes(self) -> int:
        return sum(each.archive.size_bytes for each in self.staying)


def rules_of(rule: Rule) -> KeepRules:
    return KeepRules(
        keep_last=rule.keep_last,
        keep_hourly=rule.keep_hourly,
        keep_daily=rule.keep_daily,
        keep_weekly=rule.keep_weekly,
        max_age_days=rule.max_age_days,
        max_total_bytes=rule.max_total_bytes,
    )


def archives_of(rule: Rule) -> QuerySet[Archive]:
    """Return the archives that a rule is for; those of a deleted schedule are the catalog's."""
    schedule = rule if isinstance(rule, Schedule) else None
    return Archive.objects.filter(schedule=schedule)


def preview(rule: Rule, *, now: datetime) -> Preview:
    """Say what would go if the rule were applied now; nothing is changed."""
    rules = rules_of(rule)
    archives = list(archives_of(rule).only(*_NEEDED_FIELDS).order_by("-created_at", "-pk"))
    verdicts = judge(_candidates(archives), rules, now=now)
    return Preview(
        rules=rules,
        judged=[
            Judged(
                archive=archive,
                keep=verdicts[archive.pk].keep,
                reason=verdicts[archive.pk].reason,
                protected=verdicts[archive.pk].protected,
            )
            for archive in archives
        ],
    )


def apply_rules(rule: Rule, *, now: datetime, user: Actor = None) -> list[Judged]:
    """Delete what the rule lets go, and return it; the audit log says of each why."""
    if rules_of(rule).is_empty:
        return []
    return [each for each in preview(rule, now=now).going if _expire(rule, each, user)]


def _expire(rule: Rule, judged: Judged, user: Actor) -> bool:
    # As it is now: somebody may have pinned or deleted it meanwhile.
    archive = Archive.objects.filter(pk=judged.archive.pk).first()
    if archive is None:
        return False
    told = {"reason": judged.reason}
    if isinstance(rule, Schedule):
        told["schedule"] = rule.name
    try:
        delete_archive(user, archive, archive_store(), action="archive.expire", **told)
    except ArchiveNeeded:
        return False
    except StoreError:
        # The next hour tries again; the others can go all the same.
        logger.exception("%s could not be deleted", archive)
        return False
    return True


def _candidates(archives: Sequence[Archive]) -> list[Candidate]:
    store = archive_store()
    needed = set(Operation.objects.unfinished().values_list("archive_id", flat=True))
    newest = _newest(store)
    there = set(Container.objects.values_list("podman_id", flat=True))
    keys = set(newest.values())
    # Of containers that no node has.
    last_copies = {key for container, key in newest.items() if container not in there}
    return [
        Candidate(
            key=archive.pk,
            container=_container_of(archive),
            container_name=archive.container_name,
            created_at=timezone.localtime(archive.created_at),
            size_bytes=archive.size_bytes,
            pinned=archive.pinned,
            needed=archive.pk in needed,
            last_copy=archive.pk in last_copies,
            newest=archive.pk in keys,
            defect=_defect(archive, store),
        )
        for archive in archives
    ]


def _container_of(archive: Archive) -> str:
    # By ID: two nodes may each have a container of the same name.
    return archive.container_podman_id or f"name {archive.container_name}"


def _defect(archive: Archive, store: Store) -> str:
    """Say why it may not take the place of a good one; "" for a good one."""
    # The disk is asked, not the row: if the folder is not mounted, nothing at all may go.
    if not store.path(archive.key).is_file():
        return "Its file is not on the catalog's disk."
    if archive.contents_state == ContentsState.UNREADABLE:
        return "Its contents cannot be read."
    return "Its last verification failed." if archive.verify_problem else ""


def _newest(store: Store) -> dict[str, int]:
    """Return the newest good archive of each container, over the whole catalog."""
    newest: dict[str, int] = {}
    archives = Archive.objects.only(*_NEEDED_FIELDS).order_by("-created_at", "-pk")
    for archive in archives.iterator():
        container = _container_of(archive)
        if container not in newest and not _defect(archive, store):
            newest[container] = archive.pk
    return newest
