"""What is to be done to a container, and how."""

from __future__ import annotations

from typing import Any

from django import forms

from nodes.models import Container
from nodes.models.validators import validate_container_name
from nodes.operations.action_request import (
    DEFAULT_TIME_S,
    LIVE_STATES,
    MOST_TIME_S,
    STARTING,
    Action,
    ActionRequest,
)

_ENDS_THE_PROGRAM = (Action.STOP, Action.RESTART, Action.REMOVE)


class ContainerActionForm(forms.Form):
    """The fields that one action on one container has."""

    name = forms.CharField(
        label="New name",
        max_length=128,
        validators=[validate_container_name],
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Letters, digits, dots, dashes and underscores. No other container or pod of "
        "the node may have it.",
    )
    time = forms.IntegerField(
        label="Seconds to end by itself",
        required=False,
        min_value=0,
        max_value=MOST_TIME_S,
        initial=DEFAULT_TIME_S,
        help_text="After that it is killed.",
    )
    force = forms.BooleanField(required=False)

    def __init__(self, action: Action, container: Container, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"name": container.name})
        super().__init__(*args, **kwargs)
        self.action, self.container = action, container
        if action != Action.RENAME:
            del self.fields["name"]
        if action not in _ENDS_THE_PROGRAM:
            del self.fields["time"]
        if action not in (Action.REMOVE, *STARTING):
            del self.fields["force"]

    @property
    def runs(self) -> bool:
        return self.container.state in LIVE_STATES

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if name == self.container.name:
            raise forms.ValidationError("This is its name already.")
        if self.container.node.containers.filter(name=name).exists():
            raise forms.ValidationError(
                f"{self.container.node.name} already has a container named {name}."
            )
        return name

    def clean_force(self) -> bool:
        force = bool(self.cleaned_data["force"])
        if self.action == Action.REMOVE and self.runs and not force:
            raise forms.ValidationError(
                f"{self.container.name} runs. Confirm that it is stopped first."
            )
        return force

    @property
    def request(self) -> ActionRequest:
        """Return what is asked for; only of a form that is valid."""
        given = self.cleaned_data
        time_s = given.get("time")
        return ActionRequest(
            action=self.action,
            name=given.get("name", ""),
            time_s=DEFAULT_TIME_S if time_s is None else time_s,
            force=given.get("force", False),
        )
