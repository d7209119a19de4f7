"""One exported checkpoint: a row for each file in the store."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from nodes.models.node import Node
from nodes.models.tag import Tag

SUFFIXES = {"zstd": ".tar.zst", "gzip": ".tar.gz", "none": ".tar"}


class ArchiveState(models.TextChoices):
    READY = "ready", "Ready"
    # The row is there but its file is not: somebody removed it from the disk.
    MISSING = "missing", "Missing"


class ArchiveOrigin(models.TextChoices):
    CHECKPOINT = "checkpoint", "Checkpoint"
    # Made elsewhere: hostile until somebody has seen what a restore would give it.
    UPLOAD = "upload", "Upload"


class ContentsState(models.TextChoices):
    UNREAD = "unread", "Not read"
    READ = "read", "Read"
    UNREADABLE = "unreadable", "Unreadable"


class Archive(models.Model):
    name = models.CharField(max_length=255, db_index=True)
    origin = models.CharField(
        max_length=16, choices=ArchiveOrigin.choices, default=ArchiveOrigin.CHECKPOINT
    )
    state = models.CharField(
        max_length=16, choices=ArchiveState.choices, default=ArchiveState.READY
    )
    # The file's name in the store: catalog/store.py.
    key = models.CharField(max_length=32, unique=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0, db_index=True)
    # What the bytes say (zstd, gzip, none), never the file's name: field note 1.
    compression = models.CharField(max_length=8, blank=True)
    container_name = models.CharField(max_length=255, db_index=True)
    container_podman_id = models.CharField(max_length=64)
    image = models.CharField(max_length=512, blank=True, db_index=True)
    image_id = models.CharField(max_length=64, blank=True)
    node = models.ForeignKey(Node, null=True, on_delete=models.SET_NULL, related_name="archives")
    node_name = models.CharField(max_length=63, db_index=True)
    # Which schedule made it: that one's keep rules are its own.
    schedule = models.ForeignKey(
        "nodes.Schedule",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="archives",
    )
    options = models.JSONField(default=dict, blank=True)
    # Versions and host facts at checkpoint time, which the archive itself does not hold.
    versions = models.JSONField(default=dict, blank=True)
    pinned = models.BooleanField(default=False)
    note = models.TextField(blank=True)
    tags = models.ManyToManyField(Tag, blank=True, related_name="archives")
    # Whether its sections are there, and if it could not be read, why.
    contents_state = models.CharField(
        max_length=16, choices=ContentsState.choices, default=ContentsState.UNREAD
    )
    contents_problem = models.TextField(blank=True)
    # All that it holds, unpacked, and the memory of its processes in it.
    unpacked_bytes = models.PositiveBigIntegerField(default=0)
    memory_bytes = models.PositiveBigIntegerField(default=0, db_index=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    # What the last verification said; "" when the bytes were still those of the catalog.
    verify_problem = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["-created_at"], condition=models.Q(pinned=True), name="pinned_archives"
            )
        ]
        permissions = [
            ("download_archive", "Can download archives, which hold the memory of processes"),
            ("search_memory", "Can search the memory that archives hold"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("archive-detail", args=[self.pk])

    @property
    def file_name(self) -> str:
        """Return the name to download it under, with the suffix of its real compression."""
        return f"{self.name}{SUFFIXES.get(self.compression, '.tar')}"
