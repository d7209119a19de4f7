"""Take a large container's archive into the catalog, verify and download it.

    python -m benchmarks.catalog [--memory 4096] [--compress zstd none]

On a lab host and a site in a process of its own. The counter's memory cannot be compressed.
Indexing goes on during the transfer; its seconds are the processor's, measured once more alone.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.catalog.memory_use import MemoryUse
from benchmarks.catalog.steps import download, index_alone, take_checkpoint, verify
from benchmarks.migration.by_site import register
from tests.lab import Host, Lab, full_check
from tests.serving import ServedSite

CONTAINER = "counter"
MIB = 1024 * 1024


def main() -> None:
    arguments = _arguments()
    lab = Lab(arguments.instance)
    alder = lab.up(["alder"])["alder"]
    try:
        with tempfile.TemporaryDirectory() as folder:
            site = ServedSite(Path(folder))
            site.start()
            try:
                _start_counter(alder, arguments.memory)
                for compress in arguments.compress:
                    _measure(site, alder, compress)
                if full_check(alder, CONTAINER).errors:
                    raise SystemExit("the counter's memory is not what it was")
            finally:
                site.stop()
    finally:
        lab.down()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=int, default=4096, metavar="MIB")
    parser.add_argument("--compress", nargs="+", default=["zstd", "none"])
    parser.add_argument("--instance", default="bench")
    return parser.parse_args()


def _start_counter(alder: Host, memory_mib: int) -> None:
    alder.run(["podman", "rm", "--all", "--force", "--time", "0"])
    alder.start_workload("counter", name=CONTAINER, memory_mib=memory_mib)
    full_check(alder, CONTAINER)


def _measure(site: ServedSite, alder: Host, compress: str) -> None:
    assert site.process is not None
    with site.api() as api, MemoryUse(site.process.pid) as memory:
        if not api.get("/nodes").raise_for_status().json():
            register(api, [alder])
        _print_head(compress, memory.take_peak_bytes())
        taken = take_checkpoint(api, alder, CONTAINER, compress)
        size_bytes = taken.archive["size_bytes"]
        _print("checkpoint and transfer", taken.total_s, size_bytes, memory.take_peak_bytes())
        for name, seconds in taken.phases_s.items():
            _print(f"  {name}", seconds, size_bytes if name == "transfer" else 0)
        _print("verify", verify(api, taken.archive), size_bytes, memory.take_peak_bytes())
        _print("download", download(api, taken.archive), size_bytes, memory.take_peak_bytes())
        index_s = index_alone(site.data_dir, taken.archive)
        _print("index alone", index_s, size_bytes)
        print(f"index / transfer: {index_s / taken.phases_s['transfer']:.2f}\n", flush=True)
        api.delete(f"/archives/{taken.archive['id']}").raise_for_status()


def _print_head(compress: str, resident_bytes: int) -> None:
    print(f"--compress {compress}; the site at rest: {resident_bytes / MIB:.0f} MiB resident")
    print(f"{'step':<26} {'seconds':>8} {'MB/s':>7} {'peak MiB':>9}")


def _print(step: str, seconds: float, size_bytes: int, peak_bytes: int = 0) -> None:
    rate = f"{size_bytes / seconds / 1e6:>7.0f}" if size_bytes else " " * 7
    peak = f"{peak_bytes / MIB:>9.0f}" if peak_bytes else ""
    print(f"{step:<26} {seconds:>8.2f} {rate} {peak}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
