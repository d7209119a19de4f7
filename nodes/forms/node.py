"""Where a node is, and the host key that it shows."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nodes.forms.tags import TagsField
from nodes.models import Node
from nodes.ssh.host_key import parse_host_key


class NodeForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Where a node is and as whom to use it."""

    tags = TagsField(
        help_text="Words to filter the fleet by, with blanks between them: edge berlin"
    )

    class Meta:
        model = Node
        fields = ["name", "host", "port", "user", "sudo", "tags"]
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
