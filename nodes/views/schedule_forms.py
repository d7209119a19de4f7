"""What people and programs write into a schedule and into keep rules, checked."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import transaction
from django.utils import timezone

from nodes.archives.change import Actor
from nodes.audit import audit
from nodes.inventory.matching import Choice
from nodes.models import CatalogRetention, Node, Schedule
from nodes.operations.cron import BadCron, check_cron
from nodes.operations.scheduler import scheduler
from nodes.operations.schedules import plan_next
from nodes.podman.options import COMPRESSIONS

MOST_NAMES = 50
MOST_KEPT = 10_000
MOST_DAYS = 36_500
MOST_BYTES = 2**60
# What Podman takes for a name, and the signs of a shell pattern.
_PATTERN = re.compile(r"[a-zA-Z0-9_.*?\[\]!-]{1,128}")
_SIZE = re.compile(r"(\d{1,19}(?:\.\d{1,6})?)\s*(?:(B|[KMGT])(?:i?B)?)?", re.IGNORECASE)
_FACTORS = {"": 1, "B": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


class PatternsField(forms.Field):
    """Shell patterns, with commas or blanks between them; a program sends a list."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        patterns = value if isinstance(value, list) else re.split(r"[,\s]+", value or "")
        patterns = [pattern for pattern in patterns if pattern]
        if len(patterns) > MOST_NAMES:
            raise ValidationError(f"Name {MOST_NAMES} patterns at most.")
        for pattern in patterns:
            if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern):
                raise ValidationError(
                    "Use the letters, digits, dots, dashes and underscores of names, and * ? [ ] "
                    "as in a shell."
                )
        return patterns


class SizeField(forms.CharField):
    """A size as people write it: 500 MiB, 10G, or a number of bytes."""

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, int):
            return value
        for unit in ("T", "G", "M", "K"):
            if value % _FACTORS[unit] == 0 and value:
                return f"{value // _FACTORS[unit]} {unit}iB"
        return f"{value} B"

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value) or "").strip()
        if not text:
            return None
        found = _SIZE.fullmatch(text)
        if found is None:
            raise ValidationError("Write a size such as 500 MiB or 20 GiB.")
        size_bytes = int(float(found[1]) * _FACTORS[(found[2] or "").upper()])
        if not 1 <= size_bytes <= MOST_BYTES:
            raise ValidationError("Write a size between 1 byte and 1 EiB.")
        return size_bytes

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


KEEP_FIELDS = (
    "keep_last", "keep_hourly", "keep_daily", "keep_weekly", "max_age_days", "max_total_bytes",
)  # fmt: skip
_KEEP_LABELS = {
    "keep_last": "Last",
    "keep_hourly": "Hourly",
    "keep_daily": "Daily",
    "keep_weekly": "Weekly",
    "max_age_days": "Oldest, in days",
    "max_total_bytes": "All together",
}


class KeepRulesForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Which archives stay; a field that is left empty is no rule."""

    max_total_bytes = SizeField(
        required=False,
        label=_KEEP_LABELS["max_total_bytes"],
        help_text="Such as 20 GiB. The oldest go first.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in KEEP_FIELDS[:-1]:
            most = MOST_DAYS if name == "max_age_days" else MOST_KEPT
            field = self.fields[name]
            field.validators.append(MaxValueValidator(most))
            field.widget.attrs.update({"min": 1, "max": most, "inputmode": "numeric"})

    def keep_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in KEEP_FIELDS]


class CatalogRetentionForm(KeepRulesForm):
    class Meta:
        model = CatalogRetention
        fields = KEEP_FIELDS
        labels = _KEEP_LABELS


class ScheduleForm(KeepRulesForm):
    """When, which containers, how, and what is kept."""

    names = PatternsField(
        required=False,
        help_text="Patterns such as web-*, with commas between them. Empty: any name.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "any"}),
    )
    nodes = forms.ModelMultipleChoiceField(
        queryset=Node.objects.all(),
        required=False,
        help_text="None chosen: all of them, and those that are added later.",
        widget=forms.CheckboxSelectMultiple,
    )
    compress = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in COMPRESSIONS],
        help_text="How Podman compresses the archive.",
    )

    class Meta:
        model = Schedule
        fields = (
            "name", "enabled", "cron", "names", "label", "nodes", "compress", "tcp_established",
            "file_locks", "ignore_rootfs", "ignore_volumes", *KEEP_FIELDS,
        )  # fmt: skip
        labels = {**_KEEP_LABELS, "cron": "Cron expression", "label": "Label", "enabled": "Enabled"}
        help_texts = {
            "enabled": "Runs by itself at its times.",
            "cron": (
                "A cron expression: minute, hour, day of the month, month, day of the week. "
                "`0 3 * * *` is every day at 03:00."
            ),
            "label": "A key, or key=value. Empty: any label.",
            "tcp_established": "Allow open TCP connections.",
            "file_locks": "Take held file locks along.",
            "ignore_rootfs": "Leave changes to the root filesystem out of the archive.",
            "ignore_volumes": "Leave named volumes out of the archive.",
        }
        widgets = {
            "cron": forms.TextInput(
                attrs={"autocomplete": "off", "placeholder": "0 3 * * *", "spellcheck": "false"}
            ),
            "label": forms.TextInput(attrs={"autocomplete": "off", "placeholder": "any"}),
        }

    def clean_cron(self) -> str:
        cron = " ".join(self.cleaned_data["cron"].split())
        try:
            check_cron(cron)
        except BadCron as error:
            raise ValidationError(str(error)) from error
        return cron

    def clean_compress(self) -> str:
        return self.cleaned_data["compress"] or "zstd"

    @property
    def choice(self) -> Choice:
        """Return which containers it would be for, as far as the fields can be read."""
        return Choice(
            names=self.cleaned_data.get("names", []),
            label=self.cleaned_data.get("label", ""),
            node_ids=[node.pk for node in self.cleaned_data.get("nodes", [])],
        )


def save_schedule(user: Actor, form: ScheduleForm) -> Schedule:
    """Keep a valid form as a new schedule or a changed one, planned from now on."""
    is_new = form.instance.pk is None
    schedule: Schedule = form.save(commit=False)
    plan_next(schedule, timezone.now())
    if is_new and isinstance(user, User):
        schedule.created_by = user
    with transaction.atomic():
        schedule.save()
        form.save_m2m()
        if is_new:
            audit(user, "schedule.add", schedule, schedule=schedule.pk, cron=schedule.cron)
        else:
            changed = sorted(form.changed_data)
            audit(user, "schedule.edit", schedule, schedule=schedule.pk, changed=changed)
    scheduler.wake()
    return schedule


def save_catalog_retention(user: Actor, form: CatalogRetentionForm) -> CatalogRetention:
    """Keep the rule for archives that belong to no schedule."""
    retention: CatalogRetention = form.save()
    rules = {name: getattr(retention, name) for name in KEEP_FIELDS}
    audit(user, "retention.edit", retention, **rules)
    return retention
