"""What a name, a host and a user may look like before anything else sees them."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import (
    RegexValidator,
    validate_domain_name,
    validate_ipv4_address,
    validate_ipv6_address,
)

validate_node_name = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z",
    "Use letters, digits, dots, dashes and underscores, starting with a letter or digit.",
)
# useradd(8): names that every Linux distribution accepts.
validate_user_name = RegexValidator(
    r"\A[a-z_][a-z0-9_-]{0,31}\Z",
    "Use the name of a Linux user: lower-case letters, digits, dashes and underscores.",
)
# Podman 5.8: "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*".
validate_container_name = RegexValidator(
    r"\A[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}\Z",
    "Use letters, digits, dots, dashes and underscores, starting with a letter or digit.",
)
_validate_short_host_name = RegexValidator(r"\A[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")


def validate_host(value: str) -> None:
    """Accept a host name or an address; raise ValidationError otherwise."""
    for accept in (
        validate_ipv4_address,
        validate_ipv6_address,
        _validate_short_host_name,
        validate_domain_name,
    ):
        try:
            accept(value)
        except ValidationError:
            continue
        return
    raise ValidationError("Enter a host name or an IP address.")
