"""Put what `podman container inspect` says in a person's order, its environment apart.

CreateCommand is left out: it holds the values that were given with --env. Entrypoint and Command
may hold secrets, too: every viewer is shown command lines, as README.md says under Roles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nodes.podman.answer import list_of, number_of, parse_json, reading, text_of, texts_of

_ANSWER = "podman container inspect"
_INT_64 = 2**63 - 1
# What a page can show; a container may have thousands.
MOST_VALUES = 200
MOST_CHARS = 4000
_NEVER = "0001-"


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    values: list[str]


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    rows: list[Row]


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """``variables`` are the names of the environment; their values are asked for apart."""

    sections: list[Section]
    variables: list[str]
    auto_remove: bool


@reading(_ANSWER)
def parse_inspected(text: str) -> Inspected:
    """Read `podman container inspect NAME` (a list of one). Raises UnreadableAnswer."""
    raw: dict[str, Any] = parse_json(text, _ANSWER)[0]
    host, config = _part(raw, "HostConfig"), _part(raw, "Config")
    sections = [
        Section(title="Program", rows=_program(raw, config)),
        Section(title="State", rows=_state(raw, host)),
        Section(title="Networks", rows=_networks(_part(raw, "NetworkSettings"))),
        Section(title="Mounts", rows=_mounts(raw)),
        Section(title="Limits and rights", rows=_limits(host)),
    ]
    return Inspected(
        sections=[
            Section(title=section.title, rows=[row for row in section.rows if row.values])
            for section in sections
        ],
        variables=[name for name, _ in _pairs(config)],
        auto_remove=bool(host.get("AutoRemove")),
    )


@reading(_ANSWER)
def parse_environment(text: str) -> list[tuple[str, str]]:
    """Return the environment that the container was made with. Raises UnreadableAnswer."""
    raw: dict[str, Any] = parse_json(text, _ANSWER)[0]
    return _pairs(_part(raw, "Config"))


def _part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = raw.get(name) or {}
    if not isinstance(part, Mapping):
        raise TypeError(f"{name} is not an object")
    return part


def _pairs(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = [text_of(pair).partition("=") for pair in list_of(config.get("Env"))[:MOST_VALUES]]
    return [(name[:MOST_CHARS], value[:MOST_CHARS]) for name, _, value in pairs]


def _row(name: str, *values: Any) -> Row:
    return Row(
        name=name, values=[text_of(value)[:MOST_CHARS] for value in values[:MOST_VALUES] if value]
    )


def _time(value: Any) -> str:
    """Return a time as people read it, "" for the year 1, which is Podman's never."""
    text = text_of(value)
    if not text or text.startswith(_NEVER):
        return ""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _program(raw: Mapping[str, Any], config: Mapping[str, Any]) -> list[Row]:
    entrypoint = config.get("Entrypoint")
    # Podman 4 tells a string, Podman 5 a list.
    words = [entrypoint] if isinstance(entrypoint, str) else texts_of(entrypoint)
    return [
        _row("Image", raw.get("ImageName")),
        _row("Digest", raw.get("ImageDigest")),
        _row("Entrypoint", " ".join(words)),
        _row("Command", " ".join(texts_of(config.get("Cmd")))),
        _row("Folder", config.get("WorkingDir")),
        _row("User", config.get("User") or "root"),
        _row("Host name", config.get("Hostname")),
        _row("Stop signal", config.get("StopSignal")),
    ]


def _state(raw: Mapping[str, Any], host: Mapping[str, Any]) -> list[Row]:
    state = _part(raw, "State")
    health = _part(state, "Health").get("Status")
    policy = _part(host, "RestartPolicy").get("Name")
    return [
        _row("Process", state.get("Pid")),
        _row("Started", _time(state.get("StartedAt"))),
        _row("Finished", _time(state.get("FinishedAt"))),
        _row("Checkpointed", _time(state.get("CheckpointedAt"))),
        _row("Restored", _time(state.get("RestoredAt"))),
        _row("Out of memory", state.get("OOMKilled") and "The kernel has killed it for that"),
        _row("Error", state.get("Error")),
        _row("Health", health),
        _row("Restart policy", policy),
        _row("Restarts", raw.get("RestartCount")),
        _row("When it stops", host.get("AutoRemove") and "It is removed (--rm)"),
        _row("Log driver", _part(host, "LogConfig").get("Type")),
        _row("Runtime", raw.get("OCIRuntime")),
    ]


def _networks(settings: Mapping[str, Any]) -> list[Row]:
    rows = []
    for name, network in list(_part(settings, "Networks").items())[:MOST_VALUES]:
        addresses = [
            f"{address}/{network.get(prefix)}"
            for address, prefix in (
                (network.get("IPAddress"), "IPPrefixLen"),
                (network.get("GlobalIPv6Address"), "GlobalIPv6PrefixLen"),
            )
            if address
        ]
        mac, gateway = network.get("MacAddress"), network.get("Gateway")
        rows.append(
            _row(
                text_of(name), *addresses, mac and f"MAC {mac}", gateway and f"by way of {gateway}"
            )
        )
    return rows


def _mounts(raw: Mapping[str, Any]) -> list[Row]:
    return [
        _row(
            text_of(mount.get("Destination")),
            f"{text_of(mount.get('Type'))} {text_of(mount.get('Name') or mount.get('Source'))}",
            "read and write" if mount.get("RW") else "read only",
        )
        for mount in list_of(raw.get("Mounts"))[:MOST_VALUES]
    ]


def _limits(host: Mapping[str, Any]) -> list[Row]:
    memory = number_of(host.get("Memory"), 0, _INT_64)
    cpus = number_of(host.get("NanoCpus"), 0, _INT_64) / 1e9
    return [
        _row("Memory", memory and f"{memory / 2**20:.0f} MiB"),
        _row("CPUs", cpus and f"{cpus:g}"),
        _row("Processes", host.get("PidsLimit")),
        _row("Privileged", host.get("Privileged") and "Yes: it may do what root may on the host"),
        _row("Root filesystem", host.get("ReadonlyRootfs") and "read only"),
        _row("Capabilities added", *texts_of(host.get("CapAdd"))),
        _row("Capabilities dropped", *texts_of(host.get("CapDrop"))),
        _row("Security", *texts_of(host.get("SecurityOpt"))),
    ]
