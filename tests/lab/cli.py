"""The lab from the command line: python -m tests.lab."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.lab import status
from tests.lab.errors import LabError
from tests.lab.host import Host
from tests.lab.lab import DEFAULT_HOSTS, Lab, every_instance
from tests.lab.machine import ENVIRONMENT
from tests.lab.packages import require_root
from tests.lab.rootfs import RECIPES
from tests.lab.workload import KINDS

# Commands that take one host and nothing else.
SIMPLE: dict[str, tuple[Callable[[Host], None], str]] = {
    "stop": (Host.stop, "kill a host as a power cut would"),
    "start": (Host.start, "start a host on the disk that it has"),
    "wipe": (Host.wipe, "stop a host and forget its disk"),
    "cut": (Host.cut, "cut a host off the network"),
    "mend": (Host.mend, "undo the cut"),
    "unshape": (Host.unshape, "take the limit of a link away"),
    "freeze": (Host.freeze, "stop every process of a host where it is"),
    "thaw": (Host.thaw, "let a frozen host go on"),
    "rotate-host-key": (Host.rotate_host_key, "give a host another SSH key"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    own, command = _split(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(own)
    options.argv = command
    try:
        require_root()
        return int(options.command(options, Lab(options.instance)) or 0)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split at the first "--": what follows is a command, not for argparse."""
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--instance", default="demo", help="which lab (default: demo)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[..., int | None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, parents=[common])
        added.set_defaults(command=command)
        return added

    up = add("up", _up, "build what is missing and start hosts")
    up.add_argument("nodes", nargs="*", default=DEFAULT_HOSTS, metavar="NODE")
    up.add_argument("--rootfs", choices=RECIPES, default="forky", help="what new hosts are made of")
    down = add("down", _down, "stop all hosts and remove the bridge")
    down.add_argument("--wipe", action="store_true", help="forget their disks as well")
    down.add_argument("--all", action="store_true", help="of every instance")
    add("status", _status, "show hosts and containers").add_argument("--json", action="store_true")
    _add_host_commands(add)
    return parser


def _add_host_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    for name, (action, text) in SIMPLE.items():
        simple = add(name, _simple, text)
        simple.set_defaults(action=action)
        simple.add_argument("node")
    for name, text in (("shell", "open a shell"), ("run", "run a command")):
        shell = add(name, _shell, f"{text} on a host")
        shell.usage = f"python -m tests.lab {name} [--instance INSTANCE] NODE [-- COMMAND …]"
        shell.add_argument("node", help="without a command: a login shell")
    authorize = add("authorize", _authorize, "let a public key log in on a host")
    authorize.add_argument("node")
    authorize.add_argument("file", type=Path, help="the public key")
    authorize.add_argument("--user", default="root")
    shape = add("shape", _shape, "limit both directions of a host's link")
    shape.add_argument("node")
    shape.add_argument("rate", help="for instance 1gbit or 200mbit")
    workload = add("workload", _workload, "start a container that is worth moving")
    workload.add_argument("node")
    workload.add_argument("kind", choices=KINDS)
    workload.add_argument("--name", help="default: the kind")
    workload.add_argument("--memory-mib", type=int, default=64)
    workload.add_argument("--tick-ms", type=int, default=100)
    workload.add_argument("--size-bytes", type=int, default=65536, help="of the deleted file")
    workload.add_argument("--port", type=int, help="port to publish")


def _up(options: argparse.Namespace, lab: Lab) -> None:
    lab.up(options.nodes, rootfs=options.rootfs)
    print(status.table_of(lab))


def _down(options: argparse.Namespace, lab: Lab) -> None:
    for each in map(Lab, every_instance()) if options.all else [lab]:
        each.down(wipe=options.wipe)


def _status(options: argparse.Namespace, lab: Lab) -> None:
    print(status.json_of(lab) if options.json else status.table_of(lab))


def _simple(options: argparse.Namespace, lab: Lab) -> None:
    options.action(lab.host(options.node))


def _shell(options: argparse.Namespace, lab: Lab) -> int:
    argv = lab.host(options.node).enter_argv(options.argv or ["/bin/bash", "--login"])
    terminal = {"TERM": os.environ.get("TERM", "dumb")}
    return subprocess.run(argv, env=ENVIRONMENT | terminal, check=False).returncode


def _authorize(options: argparse.Namespace, lab: Lab) -> None:
    lab.host(options.node).authorize(options.file.read_text(), options.user)


def _shape(options: argparse.Namespace, lab: Lab) -> None:
    lab.host(options.node).shape(options.rate)


def _workload(options: argparse.Namespace, lab: Lab) -> None:
    container_id = lab.host(options.node).start_workload(
        options.kind,
        name=options.name,
        memory_mib=options.memory_mib,
        tick_ms=options.tick_ms,
        port=options.port,
        size_bytes=options.size_bytes,
    )
    print(container_id)
