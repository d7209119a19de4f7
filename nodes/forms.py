"""What people type, checked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nodes.models import Node
from nodes.podman.options import COMPRESSIONS, MigrationOptions
from nodes.ssh.host_key import parse_host_key


class NodeForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Where a node is and as whom to use it."""

    class Meta:
        model = Node
        fields = ["name", "host", "port", "user", "sudo"]
        help_texts = {
            "name": "What you call it here.",
            "user": "root, or a user who may use sudo without a password.",
            "sudo": "Run Podman as root by way of sudo. Not needed for root.",
        }

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("user") == "root" and values.get("sudo"):
            values["sudo"] = False
        return values


class HostKeyForm(forms.Form):
    """The host key that was confirmed, and perhaps a password to authorise the site's key."""

    host_key = forms.CharField(widget=forms.HiddenInput)
    password = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Used once to authorise the site's key on the host, then forgotten.",
    )

    def clean_host_key(self) -> str:
        key = parse_host_key(self.cleaned_data["host_key"])
        if key is None:
            raise ValidationError("This is not a public host key.")
        return key.key


class MigrationForm(forms.Form):
    """Podman's options of a migration, one plain sentence each."""

    destination = forms.ModelChoiceField(queryset=Node.objects.all(), empty_label=None)
    tcp_established = forms.BooleanField(
        required=False,
        help_text="Allow open TCP connections; they only survive if the address does.",
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
    def options(self) -> MigrationOptions:
        values = {name: value for name, value in self.cleaned_data.items() if name != "destination"}
        values["compress"] = values["compress"] or "zstd"
        return MigrationOptions.parse(values)
