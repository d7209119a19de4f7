"""Merge keys into the table [engine] of a containers.conf; everything else stays to the letter."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from nodes.host.wanted import ENGINE

# Some texts that tomllib reads make tomlkit 0.15 stumble over its own containers.
_UNREADABLE = (TOMLKitError, LookupError, ValueError, TypeError, AttributeError, RecursionError)


class EditRefused(ValueError):
    """The file cannot be merged into; the message says why."""


def set_keys(text: str, values: Mapping[str, str | None]) -> str:
    """Return ``text`` with these keys of [engine] set, or removed where None.

    Comments, order, spacing and all other keys stay. Raises EditRefused for what is not TOML.
    """
    wanted = _read(text)
    _apply(wanted.setdefault(ENGINE, {}), values)
    merged = _merge(text, values)
    # Two writers of the same thing: a merge that changes anything else must not reach a host.
    if _without_empty(_read(merged)) != _without_empty(wanted):
        raise EditRefused(f"[{ENGINE}] is written in a way that cannot be merged into")
    return merged


def read_keys(text: str) -> dict[str, str]:
    """Return the text values of [engine]; {} where there is none. Raises EditRefused."""
    engine = _read(text).get(ENGINE, {})
    return {key: value for key, value in engine.items() if isinstance(value, str)}


def _read(text: str) -> dict[str, Any]:
    if "\ufffd" in text:
        raise EditRefused("it is not UTF-8")
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Not only TOMLDecodeError: int() refuses a number of thousands of digits in its own name.
        raise EditRefused(str(error)) from error
    if not isinstance(document.get(ENGINE, {}), dict):
        raise EditRefused(f"[{ENGINE}] is not a table")
    return document


def _merge(text: str, values: Mapping[str, str | None]) -> str:
    try:
        document = tomlkit.parse(text)
        engine = document.get(ENGINE)
        if engine is not None:
            _apply(engine, values)
            return tomlkit.dumps(document)
        added = tomlkit.table()
        _apply(added, values)
        if not added:
            return text
        end = "" if not text or text.endswith("\n") else "\n"
        gap = "\n" if text.strip() else ""
        return f"{text}{end}{gap}{tomlkit.dumps({ENGINE: added})}"
    except _UNREADABLE as error:
        raise EditRefused(str(error)) from error


def _apply(engine: MutableMapping[str, Any], values: Mapping[str, str | None]) -> None:
    for key, value in values.items():
        if value is not None:
            engine[key] = value
        elif key in engine:
            del engine[key]


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value != {} or key != ENGINE}
