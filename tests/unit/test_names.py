"""Names, hosts and users are refused before they reach a node, a log or a page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError

from nodes.models.validators import (
    validate_container_name,
    validate_host,
    validate_node_name,
    validate_user_name,
)

Validate = Callable[[str], None]
EVERYWHERE_HOSTILE = [
    "",
    " ",
    "-f",
    "--all",
    "../etc",
    "a/b",
    "a b",
    "a;reboot",
    "$(reboot)",
    "`reboot`",
    "a\nb",
    "alder\n",
    "a\x00b",
    "<script>",
    "a'b",
    'a"b',
    "älder",
    "alder\u202e",
    "*",
]


@pytest.mark.parametrize("name", EVERYWHERE_HOSTILE)
@pytest.mark.parametrize(
    "validate",
    [validate_node_name, validate_container_name, validate_user_name, validate_host],
    ids=["node", "container", "user", "host"],
)
def test_a_hostile_name_is_refused(validate: Validate, name: str) -> None:
    with pytest.raises(ValidationError):
        validate(name)


@pytest.mark.parametrize(
    "validate, name",
    [
        (validate_node_name, "alder"),
        (validate_node_name, "Rack-3.node_7"),
        (validate_node_name, "a" * 63),
        (validate_container_name, "counter"),
        (validate_container_name, "0a.b_c-d"),
        (validate_container_name, "c" * 128),
        (validate_user_name, "root"),
        (validate_user_name, "_apt"),
        (validate_user_name, "ferry-agent"),
        (validate_host, "alder"),
        (validate_host, "alder.example.org"),
        (validate_host, "10.123.45.11"),
        (validate_host, "::1"),
        (validate_host, "fe80::84ba:63ff:feaa:e147"),
        (validate_host, "bücher.example"),
    ],
)
def test_a_good_name_is_taken(validate: Validate, name: str) -> None:
    validate(name)


@pytest.mark.parametrize(
    "validate, name",
    [
        (validate_node_name, "a" * 64),
        (validate_node_name, ".hidden"),
        (validate_node_name, "_alder"),
        (validate_container_name, "c" * 129),
        (validate_user_name, "Root"),
        (validate_user_name, "7up"),
        (validate_user_name, "u" * 33),
        (validate_user_name, "root@alder"),
        (validate_host, "alder:22"),
        (validate_host, "[::1]"),
        (validate_host, "root@alder"),
        (validate_host, "http://alder"),
        (validate_host, "alder-"),
        (validate_host, "a" * 64),
    ],
)
def test_what_podman_or_ssh_would_refuse_is_refused(validate: Validate, name: str) -> None:
    with pytest.raises(ValidationError):
        validate(name)
