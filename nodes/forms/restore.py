"""Where an archive is to be restored, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from nodes.forms.option_errors import say_which_option
from nodes.models import Node
from nodes.podman.options import RestoreOptions

SAME, CLONE = "same", "clone"
ESTABLISHED, CLOSE = "established", "close"
_TEXTS = ("name", "pod")
_FLAGS = (
    "file_locks", "ignore_rootfs", "ignore_volumes", "ignore_static_ip", "ignore_static_mac",
    "keep", "replace",
)  # fmt: skip


class RestoreForm(forms.Form):
    """Podman's options of a restore, one plain sentence each.

    ``own_ports`` are those that the archive has, spelled as --publish takes them.
    """

    node = forms.ModelChoiceField(queryset=Node.objects.all(), empty_label=None)
    identity = forms.ChoiceField(
        required=False, choices=[(SAME, "As it was"), (CLONE, "As a copy")], initial=SAME
    )
    name = forms.CharField(required=False, max_length=128)
    publish = forms.Field(required=False)
    pod = forms.CharField(
        required=False,
        max_length=128,
        help_text="The name of a pod on the node for it to join.",
    )
    tcp = forms.ChoiceField(
        required=False,
        choices=[("", "None"), (ESTABLISHED, "Bring back"), (CLOSE, "Close")],
    )
    file_locks = forms.BooleanField(
        required=False,
        help_text="Take back the file locks. Needed if it was checkpointed with them.",
    )
    ignore_volumes = forms.BooleanField(
        required=False,
        help_text="Leave the archive's volumes aside and use those that the node has.",
    )
    ignore_rootfs = forms.BooleanField(
        required=False, help_text="Leave the changes to the root filesystem aside."
    )
    ignore_static_ip = forms.BooleanField(
        required=False, help_text="Take a new address instead of the fixed one."
    )
    ignore_static_mac = forms.BooleanField(
        required=False, help_text="Take a new MAC address instead of the fixed one."
    )
    keep = forms.BooleanField(
        required=False, help_text="Keep CRIU's logs and statistics on the node."
    )
    replace = forms.BooleanField(
        required=False,
        help_text="First remove the stopped container of which the archive was made.",
    )
    # The digest of the privileges that somebody has seen and agreed to.
    confirmed = forms.CharField(required=False, max_length=64)
    options: RestoreOptions

    def __init__(self, *args: Any, own_ports: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own_ports = list(own_ports)

    @property
    def is_copy(self) -> bool:
        return bool(self["identity"].value() == CLONE)

    @property
    def ports(self) -> list[str]:
        """Return what the port fields hold, as it was typed."""
        if not isinstance(self.data, QueryDict) or not self.is_bound:
            return list(self.initial.get("publish") or self.own_ports)
        return [text for port in self.data.getlist("publish") if (text := port.strip())]

    @property
    def has_rare_options(self) -> bool:
        """Tell whether something is set that the dialog folds away at first."""
        return bool(self["pod"].value()) or any(self[name].value() for name in _FLAGS)

    @classmethod
    def from_query(cls, query: QueryDict, *, own_ports: Sequence[str] = ()) -> RestoreForm:
        """Return the form with what a link asks for."""
        initial: dict[str, Any] = {
            name: query[name] for name in ("node", *_TEXTS, *_FLAGS) if name in query
        }
        if "publish" in query:
            initial["publish"] = query.getlist("publish")
        if initial.get("name"):
            initial["identity"] = CLONE
        wanted = {"tcp_established": ESTABLISHED, "tcp_close": CLOSE}
        initial["tcp"] = next((tcp for name, tcp in wanted.items() if name in query), "")
        return cls(initial=initial, own_ports=own_ports)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        given = {name: values.get(name, False) for name in _FLAGS}
        given |= {name: values.get(name, "") for name in _TEXTS}
        if values.get("identity") != CLONE:
            given["name"] = ""
        elif not given["name"]:
            self.add_error("name", "Give the copy a name of its own.")
        # Podman publishes the archive's own ports where none is given.
        given["publish"] = [] if self.ports == self.own_ports else self.ports
        given["tcp_established"] = values.get("tcp") == ESTABLISHED
        given["tcp_close"] = values.get("tcp") == CLOSE
        try:
            self.options = RestoreOptions.parse(given)
        except ValueError as error:
            say_which_option(self, error)
        return values
