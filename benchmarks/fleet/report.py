"""Print what was measured of several fleets, side by side."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.fleet.fan_out import FanOut
    from benchmarks.fleet.measure import Measured

MIB = 1024 * 1024


def print_report(found: list[Measured]) -> None:
    titles = [f"{one.nodes} nodes, {one.containers} containers" for one in found]
    _row("", titles)
    _row("all nodes online after", [f"{one.online_after_s:.1f} s" for one in found])
    _row("  processor until then", [f"{one.start_cpu_s:.1f} s" for one in found])
    _row("processor at rest", [f"{one.rest_cpu_share:.1%} of one" for one in found])
    _row("  commands at rest, in 15 s", [_counted(one.rest_commands) for one in found])
    _row("memory of the site", [f"{one.resident_bytes / MIB:.0f} MiB" for one in found])
    for path in found[0].pages:
        _print_page(path, found)
    for each in zip(*(one.fan_outs for one in found), strict=True):
        _print_fan_out(list(each))


def _print_page(path: str, found: list[Measured]) -> None:
    pages = [one.pages[path] for one in found]
    _row(f"GET {path}  first", [f"{page.first_ms:.0f} ms" for page in pages])
    _row("  median", [f"{page.median_ms:.0f} ms" for page in pages])
    _row("  p95", [f"{page.p95_ms:.0f} ms" for page in pages])
    sizes = [f"{page.html_bytes / 1024:.0f} / {page.sent_bytes / 1024:.0f} KiB" for page in pages]
    _row("  HTML / as sent", sizes)
    _row("  queries", [str(one.queries[path]) for one in found])


def _print_fan_out(fan_outs: list[FanOut]) -> None:
    count = fan_outs[0].pages
    _row(
        f"event to the last of {count} page{'s' if count > 1 else ''}  p50",
        [f"{one.p50_ms:.0f} ms" for one in fan_outs],
    )
    _row("  p99", [f"{one.p99_ms:.0f} ms" for one in fan_outs])
    seconds = [f"{one.cpu_s:.2f} of {one.seconds:.0f} s" for one in fan_outs]
    _row("  processor of the site", seconds)
    _row("  commands asked of nodes", [_counted(one.commands) for one in fan_outs])
    _row("  memory of the site", [f"{one.resident_bytes / MIB:.0f} MiB" for one in fan_outs])


def _counted(commands: Counter[str]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(commands.items())) or "none"


def _row(name: str, values: list[str]) -> None:
    print(f"{name:<36}" + "".join(f"{value:>32}" for value in values), flush=True)
