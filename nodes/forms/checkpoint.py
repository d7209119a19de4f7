"""How a container is to be checkpointed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from nodes.forms.option_errors import say_which_option
from nodes.podman.options import COMPRESSIONS, CheckpointOptions

ON = "on"


class CheckpointForm(forms.Form):
    """Podman's options of a checkpoint, one plain sentence each."""

    # What stops has to be said, so it is chosen rather than ticked.
    leave_running = forms.ChoiceField(
        required=False, choices=[(ON, "Keep it running"), ("", "Stop it")], initial=ON
    )
    tcp_established = forms.BooleanField(
        required=False,
        help_text="Allow open TCP connections. Without it the checkpoint fails while there is one.",
    )
    file_locks = forms.BooleanField(
        required=False,
        help_text="Take held file locks along. Without it the checkpoint fails while there is one.",
    )
    ignore_volumes = forms.BooleanField(
        required=False,
        help_text="Leave the files in named volumes out. Bind mounts are never in an archive.",
    )
    ignore_rootfs = forms.BooleanField(
        required=False,
        help_text="Leave out what has changed in the root filesystem since the image.",
    )
    compress = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in COMPRESSIONS],
        initial=COMPRESSIONS[0],
        help_text="How Podman compresses the archive. zstd is the fastest on most links.",
    )
    keep = forms.BooleanField(
        required=False, help_text="Keep CRIU's logs and statistics on the node."
    )
    options: CheckpointOptions
    option_names: ClassVar[list[str]] = list(CheckpointOptions().as_dict())

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> CheckpointForm:
        """Return the form with what a link asks for."""
        return cls(initial={name: query[name] for name in cls.option_names if name in query})

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        given = {name: values[name] for name in self.option_names if name in values}
        given["leave_running"] = values.get("leave_running") == ON
        given["compress"] = given.get("compress") or COMPRESSIONS[0]
        try:
            self.options = CheckpointOptions.parse(given)
        except ValueError as error:
            say_which_option(self, error)
        return values
