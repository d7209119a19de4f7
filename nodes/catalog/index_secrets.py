"""Take the values of environment variables out of Podman's and the runtime's configuration."""

from __future__ import annotations

from typing import Any

from nodes.catalog.contents import HIDDEN

# Short options of podman create and run that take no value: others may stand before an -e only
# if they are of these.
_FLAGS_WITHOUT_VALUE = frozenset("diPqt")


def without_values(document: dict[str, Any], pairs: list[str]) -> dict[str, Any]:
    """Return a copy in which no environment variable has its value any more.

    ``pairs`` are NAME=VALUE as the process got them: they are hidden in the command that created
    the container, however they were written there.
    """
    hidden: dict[str, Any] = _without_values(document)
    command = hidden.get("CreateCommand")
    if isinstance(command, list):
        hidden["CreateCommand"] = _hide_in_command(command, set(pairs))
    return hidden


def hide_pair(pair: str) -> str:
    """Return NAME=••• for NAME=VALUE, and a NAME alone as it is."""
    name, separator, _ = pair.partition("=")
    return f"{name}={HIDDEN}" if separator else pair


def _without_values(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_values(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _hide_all(item) if key.lower() in ("env", "environment") else _without_values(item)
        for key, item in value.items()
    }


def _hide_all(environment: Any) -> Any:
    if isinstance(environment, list):
        return [hide_pair(pair) if isinstance(pair, str) else HIDDEN for pair in environment]
    if isinstance(environment, dict):
        return dict.fromkeys(environment, HIDDEN)
    return environment if environment is None else HIDDEN


def _hide_in_command(command: list[Any], pairs: set[str]) -> list[Any]:
    hidden: list[Any] = []
    value_is_next = False
    for argument in command:
        if not isinstance(argument, str):
            hidden.append(argument)
            continue
        if value_is_next or argument in pairs:
            hidden.append(hide_pair(argument))
            value_is_next = False
            continue
        shown, value_is_next = _hide_in_argument(argument)
        hidden.append(shown)
    return hidden


def _hide_in_argument(argument: str) -> tuple[str, bool]:
    """Return the argument without a value, and whether the next one is an option's value."""
    option, separator, value = argument.partition("=")
    if option in ("--env", "--env-merge"):
        return (f"{option}={hide_pair(value)}", False) if separator else (argument, True)
    if argument.startswith("-") and not argument.startswith("--"):
        for at, letter in enumerate(argument[1:], start=1):
            if letter == "e":
                rest = argument[at + 1 :]
                return argument[: at + 1] + hide_pair(rest), not rest
            if letter not in _FLAGS_WITHOUT_VALUE:
                break
    return argument, False
