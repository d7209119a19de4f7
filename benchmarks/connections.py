"""Move a container back and forth while a client streams all the time over one TCP connection.

    python -m benchmarks.connections [--moves 20] [--instance bench]

The container has an address of its own on a macvlan network of both lab hosts and sends back what
it gets; the client checks every byte. Silence is the longest time without a byte of the echo.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import httpx

from benchmarks.migration.by_site import register
from tests.lab import Host, Lab
from tests.lab.own_address import OwnAddress, give_network, take_network
from tests.lab.stream import Streamer
from tests.serving import ServedSite, wait_for_operation

CONTAINER = "echo"


def main() -> None:
    arguments = _arguments()
    lab = Lab(arguments.instance)
    hosts = lab.up(["alder", "birch"])
    alder, birch = hosts["alder"], hosts["birch"]
    try:
        own = _start(lab, [alder, birch])
        with tempfile.TemporaryDirectory() as folder:
            site = ServedSite(Path(folder))
            site.start()
            try:
                with site.api() as api:
                    register(api, [alder, birch])
                    kept = _stream_and_move(api, own, alder, birch, arguments.moves)
            finally:
                site.stop()
        for host in (alder, birch):
            take_network(host)
    finally:
        lab.down()
    if not kept:
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--instance", default="bench", help="which lab (default: bench)")
    return parser.parse_args()


def _start(lab: Lab, hosts: list[Host]) -> OwnAddress:
    own = OwnAddress.of(lab)
    for host in hosts:
        host.run(["podman", "rm", "--all", "--force", "--time", "0"])
        give_network(host, own)
        host.load_image("echoer")
    hosts[0].start_workload(CONTAINER, options=own.options)
    return own


def _stream_and_move(
    api: httpx.Client, own: OwnAddress, source: Host, destination: Host, moves: int
) -> bool:
    kept = 0
    longest_s = 0.0
    with Streamer(own.ip4, own.port) as stream:
        for number in range(1, moves + 1):
            stream.wait_until_it_flows()
            before = stream.so_far()
            stream.forget_silence()
            operation = _move(api, source, destination)
            stream.wait_until_it_flows()
            now = stream.so_far()
            kept += not now.broken
            longest_s = max(longest_s, now.longest_silence_s)
            returned = now.returned_bytes - before.returned_bytes
            print(
                f"{number:>3}  {source.name} → {destination.name}  {returned:>9,} bytes came back, "
                f"silent for {now.longest_silence_s:.2f} s "
                f"(downtime {operation['result']['downtime_s']:.2f} s)"
                f"{'  LOST: ' + now.broken if now.broken else ''}",
                flush=True,
            )
            source, destination = destination, source
        end = stream.end()
    print(
        f"{kept} of {moves} kept, {end.sent_bytes:,} bytes streamed and {end.returned_bytes:,} "
        f"came back, longest silence {longest_s:.2f} s"
    )
    return kept == moves and not end.broken and end.sent_bytes == end.returned_bytes


def _move(api: httpx.Client, source: Host, destination: Host) -> dict[str, Any]:
    for node in api.get("/nodes").raise_for_status().json():
        refresh = {"refresh": True}
        api.get(f"/nodes/{node['id']}/containers", params=refresh).raise_for_status()
    wanted = {
        "kind": "migrate", "source": source.name, "destination": destination.name,
        "container": CONTAINER, "options": {"tcp_established": True},
    }  # fmt: skip
    queued = api.post("/operations", json=wanted).raise_for_status().json()
    operation: dict[str, Any] = wait_for_operation(api, queued["id"])
    if operation["state"] != "succeeded":
        raise SystemExit(f"the migration {operation['state']}: {operation['error']}")
    archive = operation["result"]["archive_id"]
    api.delete(f"/archives/{archive}").raise_for_status()
    return operation


if __name__ == "__main__":
    main()
