"""A word that people put on archives to find them again."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

TAG_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,39}$"
validate_tag = RegexValidator(
    TAG_PATTERN, "A tag has up to 40 small letters, digits, dots, dashes and underscores."
)


class Tag(models.Model):
    name = models.CharField(max_length=40, unique=True, validators=[validate_tag])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
