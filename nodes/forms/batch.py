"""How several containers are to be moved, and where a person wants each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django import forms

from nodes.forms.migration import MigrationForm
from nodes.models import Container, Node
from nodes.operations.batches import MOST_AT_ONCE
from nodes.podman.options import MigrationOptions

AUTOMATIC, LEAVE = "auto", "leave"


class BatchForm(MigrationForm):
    """The options of every migration of a batch, and how many run at once."""

    # Each container has one of its own.
    destination = None  # type: ignore[assignment]
    parallelism = forms.IntegerField(
        min_value=1,
        max_value=MOST_AT_ONCE,
        initial=2,
        label="At once",
        help_text="How many containers move at the same time.",
    )
    pause_on_failure = forms.BooleanField(
        required=False,
        label="Pause when one fails",
        help_text="What has begun is brought to its end, nothing new begins until you resume.",
    )
    option_names = tuple(MigrationOptions().as_dict())

    @property
    def options(self) -> MigrationOptions:
        given = {name: self.cleaned_data[name] for name in self.option_names if name in self.fields}
        return MigrationOptions.parse({**given, "compress": given["compress"] or "zstd"})


def wanted_in(
    values: Mapping[str, str], containers: Iterable[Container], nodes: Iterable[Node]
) -> dict[int, Node | None]:
    """Return where a person wants each container; None leaves it where it is."""
    known = {str(node.pk): node for node in nodes}
    wanted: dict[int, Node | None] = {}
    for container in containers:
        value = values.get(f"destination-{container.pk}", AUTOMATIC)
        if value == LEAVE:
            wanted[container.pk] = None
        elif value in known:
            wanted[container.pk] = known[value]
    return wanted


def planned_in(
    values: Mapping[str, str], containers: Iterable[Container], nodes: Iterable[Node]
) -> dict[int, Node]:
    """Return what was shown to be chosen automatically, so that this or nothing is done."""
    known = {str(node.pk): node for node in nodes}
    return {
        container.pk: known[value]
        for container in containers
        if values.get(f"destination-{container.pk}", AUTOMATIC) == AUTOMATIC
        and (value := values.get(f"planned-{container.pk}", "")) in known
    }
