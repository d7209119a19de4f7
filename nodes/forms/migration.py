"""Where a container is to go, and how."""

from __future__ import annotations

from django import forms

from nodes.models import Node
from nodes.podman.options import COMPRESSIONS, MigrationOptions

_ALWAYS_SHOWN = ("destination", "tcp_established")


class MigrationForm(forms.Form):
    """Podman's options of a migration, one plain sentence each."""

    destination = forms.ModelChoiceField(queryset=Node.objects.all(), empty_label=None)
    tcp_established = forms.BooleanField(
        required=False,
        help_text="Take open TCP connections along. They survive where the container's address "
        "goes with it; the checks say whether it does.",
    )
    file_locks = forms.BooleanField(required=False, help_text="Take held file locks along.")
    ignore_volumes = forms.BooleanField(
        required=False,
        help_text="Leave named volumes behind and use those that the destination has.",
    )
    ignore_rootfs = forms.BooleanField(
        required=False, help_text="Leave changes to the root filesystem behind."
    )
    ignore_static_ip = forms.BooleanField(
        required=False, help_text="Take a new address instead of the fixed one."
    )
    ignore_static_mac = forms.BooleanField(
        required=False, help_text="Take a new MAC address instead of the fixed one."
    )
    keep = forms.BooleanField(
        required=False, help_text="Keep CRIU's logs and statistics on the destination."
    )
    keep_source = forms.BooleanField(
        required=False,
        help_text="Keep the stopped container and its volumes on the source afterwards.",
    )
    compress = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in COMPRESSIONS],
        initial="zstd",
        help_text="How Podman compresses the archive. zstd is the fastest on most links.",
    )

    @property
    def has_choices(self) -> bool:
        """Tell whether one of the options below the destination is not as it is at first."""
        return any(
            self[name].value() not in (None, "", False, field.initial)
            for name, field in self.fields.items()
            if name in MigrationForm.base_fields and name not in _ALWAYS_SHOWN
        )

    @property
    def options(self) -> MigrationOptions:
        values = {name: value for name, value in self.cleaned_data.items() if name != "destination"}
        values["compress"] = values["compress"] or "zstd"
        return MigrationOptions.parse(values)
