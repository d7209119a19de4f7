"""Run the comparison: by hand and by the site in turn, in one run, on the lab's hosts.

    python -m benchmarks.migration [--rounds 3] [--sizes 64 512] [--rates none 1gbit]
                                   [--compress zstd none]

By hand the four commands follow one another: checkpoint, copy down, copy up, restore. The image
is on both hosts beforehand in either case. The counter's memory cannot be
compressed. Read the ratios: the seconds are this machine's.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import httpx

from benchmarks.migration.by_hand import Keys, migrate_by_hand
from benchmarks.migration.by_site import SiteFigures, migrate_by_site, register
from tests.lab import Host, Lab, full_check
from tests.serving import ServedSite

CONTAINER = "counter"
HEADER = (
    f"{'MiB':>5} {'link':>8} {'compress':>8} | {'hand: down = total':>18} | {'site: down':>10} "
    f"{'running':>8} {'ended':>7} | {'ratio down':>10} {'running':>8}"
)


def main() -> None:
    arguments = _arguments()
    lab = Lab("bench")
    hosts = lab.up(["alder", "birch"])
    try:
        with tempfile.TemporaryDirectory() as folder:
            keys = Keys.make(Path(folder), list(hosts.values()))
            site = ServedSite(Path(folder))
            site.start()
            try:
                with site.api() as api:
                    register(api, list(hosts.values()))
                    _compare(arguments, keys, api, hosts["alder"], hosts["birch"])
            finally:
                site.stop()
    finally:
        lab.down()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--rates", nargs="+", default=["none", "1gbit"])
    parser.add_argument("--compress", nargs="+", default=["zstd", "none"])
    return parser.parse_args()


def _compare(
    arguments: argparse.Namespace, keys: Keys, api: httpx.Client, alder: Host, birch: Host
) -> None:
    print(HEADER, flush=True)
    for size_mib in arguments.sizes:
        for rate in arguments.rates:
            for compress in arguments.compress:
                _start_counter(alder, birch, size_mib)
                for host in (alder, birch):
                    host.unshape()
                    if rate != "none":
                        host.shape(rate)
                by_hand: list[float] = []
                by_site: list[SiteFigures] = []
                for _ in range(arguments.rounds):
                    by_hand.append(migrate_by_hand(keys, alder, birch, CONTAINER, compress))
                    by_site.append(migrate_by_site(api, birch, alder, CONTAINER, compress))
                if full_check(alder, CONTAINER).errors:
                    raise SystemExit("the counter's memory is not what it was")
                _print(size_mib, rate, compress, by_hand, by_site)


def _start_counter(alder: Host, birch: Host, size_mib: int) -> None:
    for host in (alder, birch):
        host.run(["podman", "rm", "--all", "--force", "--time", "0"])
        host.run(["podman", "volume", "rm", "--all", "--force"])
        host.load_image("counter")
    alder.start_workload("counter", name=CONTAINER, memory_mib=size_mib)
    full_check(alder, CONTAINER)


def _print(
    size_mib: int, rate: str, compress: str, by_hand: list[float], by_site: list[SiteFigures]
) -> None:
    hand_s = statistics.median(by_hand)
    down_s = statistics.median(figures.downtime_s for figures in by_site)
    running_s = statistics.median(figures.running_s for figures in by_site)
    ended_s = statistics.median(figures.ended_s for figures in by_site)
    link = "unshaped" if rate == "none" else rate
    print(
        f"{size_mib:>5} {link:>8} {compress:>8} | {hand_s:>16.2f} s | {down_s:>8.2f} s "
        f"{running_s:>6.2f} s {ended_s:>5.2f} s | {down_s / hand_s:>10.2f} "
        f"{running_s / hand_s:>8.2f}"
    )
    phases = {
        name: statistics.median(figures.phases_s.get(name, 0.0) for figures in by_site)
        for name in by_site[0].phases_s
    }
    print(
        "      phases: " + ", ".join(f"{name} {s:.2f} s" for name, s in phases.items()),
        flush=True,
    )


if __name__ == "__main__":
    main()
