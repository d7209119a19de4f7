"""What an archive holds, one row for each part that a page shows."""

from __future__ import annotations

from django.db import models

from nodes.models.archive import Archive


class ArchiveSection(models.Model):
    archive = models.ForeignKey(Archive, on_delete=models.CASCADE, related_name="sections")
    # A key of nodes.catalog.contents.SECTIONS, which says what the data looks like.
    name = models.CharField(max_length=16)
    data = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["archive", "name"], name="one_section_of_a_name")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.archive_id}"
