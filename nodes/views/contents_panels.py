"""What each page about an archive's contents shows, made from the sections that are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodes.models import Archive
from nodes.views.folder_tree import folder_tree
from nodes.views.json_tree import json_tree
from nodes.views.process_tree import MOST_ROWS as MOST_PROCESSES
from nodes.views.process_tree import process_rows

# So many rows a browser still shows at once; a search finds the others.
MOST_ROWS = 2000
MOST_SEARCH_CHARS = 200
_LOG_LINES = 5000

Sections = Mapping[str, Any]
Params = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Tab:
    slug: str
    title: str
    icon: str
    # Those that the page cannot do without come first; the others may be missing.
    section: str
    more: tuple[str, ...] = ()


TABS = (
    Tab(slug="overview", title="Overview", icon="squares-2x2", section="summary",
        more=("timings", "volumes")),
    Tab(slug="processes", title="Processes", icon="cpu-chip", section="processes",
        more=("memory",)),
    Tab(slug="memory", title="Memory", icon="chart-bar", section="memory"),
    Tab(slug="files", title="Open files", icon="document-text", section="files"),
    Tab(slug="sockets", title="Sockets", icon="link", section="sockets", more=("processes",)),
    Tab(slug="rootfs", title="Root filesystem", icon="folder", section="rootfs",
        more=("changes",)),
    Tab(slug="mounts", title="Mounts and volumes", icon="circle-stack", section="mounts",
        more=("volumes",)),
    Tab(slug="networks", title="Networks", icon="globe-alt", section="networks"),
    Tab(slug="privileges", title="Privileges", icon="shield-check", section="privileges"),
    Tab(slug="spec", title="OCI spec", icon="code-bracket", section="spec"),
    Tab(slug="config", title="Podman’s config", icon="adjustments-horizontal", section="config"),
    Tab(slug="log", title="Log", icon="bars-3-bottom-left", section="log"),
)  # fmt: skip
TAB_OF = {tab.slug: tab for tab in TABS}
# Pages beside these, which are no part of what is kept.
SEARCH_TAB = Tab(slug="memory-search", title="Search memory", icon="", section="memory")
COMPARE_TAB = Tab(slug="compare", title="Compare", icon="", section="summary")
# What the container itself has written is for those who may have the archive.
LOG = TAB_OF["log"]
NAV_SECTIONS = ("summary", "privileges")


def sections_of(archive: Archive, *names: str) -> dict[str, Any]:
    """Return those of the named sections that are kept."""
    return dict(archive.sections.filter(name__in=names).values_list("name", "data"))


def nav_context(sections: Sections) -> dict[str, Any]:
    """Return what the way to the parts needs: NAV_SECTIONS hold the numbers beside its words."""
    return {"tabs": TABS, "nav": {name: sections.get(name) for name in NAV_SECTIONS}}


def search_of(params: Params) -> str:
    return params.get("q", "").strip()[:MOST_SEARCH_CHARS]


def panel_context(tab: Tab, sections: Sections, params: Params) -> dict[str, Any]:
    """Return what the tab's template needs; the tab's own section is there."""
    prepare = _PANELS.get(tab.slug, _nothing_more)
    return {**sections, "search": search_of(params), **prepare(sections, params)}


def _nothing_more(sections: Sections, params: Params) -> dict[str, Any]:
    return {}


def _overview(sections: Sections, params: Params) -> dict[str, Any]:
    summary = sections["summary"]
    known = {
        "memory": summary["memory_bytes"],
        "rootfs": summary["rootfs_bytes"],
        "volumes": summary["volumes_bytes"],
    }
    rest = max(summary["unpacked_bytes"] - sum(known.values()), 0)
    shares = [{"kind": kind, "bytes": size} for kind, size in {**known, "rest": rest}.items()]
    frozen = [time for time in sections.get("timings", []) if time["name"] == "frozen_time"]
    return {"shares": shares, "frozen_us": frozen[0]["value"] if frozen else None}


def _processes(sections: Sections, params: Params) -> dict[str, Any]:
    stored = {memory["pid"]: memory["stored_bytes"] for memory in sections.get("memory", [])}
    rows = process_rows(sections["processes"], stored, search_of(params))
    return {"rows": rows[:MOST_PROCESSES], "most": MOST_PROCESSES,
            "is_cut": len(rows) > MOST_PROCESSES}  # fmt: skip


def _memory(sections: Sections, params: Params) -> dict[str, Any]:
    kinds: Counter[str] = Counter()
    for memory in sections["memory"]:
        kinds.update({part["kind"]: part["bytes"] for part in memory["parts"]})
    return {
        "largest_bytes": max((memory["stored_bytes"] for memory in sections["memory"]), default=0),
        "total_bytes": sum(memory["stored_bytes"] for memory in sections["memory"]),
        "kinds": [{"kind": kind, "bytes": size} for kind, size in kinds.items()],
    }


def memory_map_context(memory: Mapping[str, Any], params: Params) -> dict[str, Any]:
    """Return one process's mappings, those that the search leaves."""
    search = search_of(params)
    fields = ("access", "kind", "path")
    found = [
        mapping
        for mapping in memory["mappings"]
        if _fits(search, *(mapping[name] for name in fields), f"{mapping['start']:012x}")
    ]
    return {"memory": memory, "search": search, **_bounded(found)}


def _files(sections: Sections, params: Params) -> dict[str, Any]:
    search, kind = search_of(params), params.get("kind", "")
    kinds = Counter(
        file["kind"] for process in sections["files"] for file in process["descriptors"]
    )
    left, count, groups = MOST_ROWS, 0, []
    for process in sections["files"]:
        found = [
            file
            for file in process["descriptors"]
            if kind in ("", file["kind"]) and _fits(search, file["path"], file["kind"])
        ]
        count += len(found)
        if shown := found[:left]:
            groups.append({"process": process, "descriptors": shown, "count": len(found)})
            left -= len(shown)
    return {"groups": groups, "kinds": kinds.most_common(), "kind": kind,
            "is_cut": count > MOST_ROWS, "most": MOST_ROWS}  # fmt: skip


def _sockets(sections: Sections, params: Params) -> dict[str, Any]:
    search = search_of(params)
    names = {process["pid"]: process["name"] for process in sections.get("processes", [])}
    fields = ("family", "protocol", "state", "local", "remote")
    found = [
        {**socket, "name": names.get(socket["pid"], "")}
        for socket in sections["sockets"]
        if _fits(search, *(socket[name] for name in fields), names.get(socket["pid"], ""))
    ]
    return _bounded(found)


def _mounts(sections: Sections, params: Params) -> dict[str, Any]:
    return {"volumes": sections.get("volumes", [])}


def _rootfs(sections: Sections, params: Params) -> dict[str, Any]:
    changes = sections.get("changes") or {}
    exact = {path: change for change, paths in changes.items() for path in paths}
    below = params.get("below", "/")
    entries = sections["rootfs"]["entries"]
    tree = folder_tree(entries, exact, below=below, search=search_of(params))
    counts = Counter(exact.get(entry["path"], entry["change"]) for entry in entries)
    return {
        "tree": tree,
        "below": "" if below == "/" else below,
        "counts": counts.most_common(),
        "is_exact": bool(changes),
    }


def _document(name: str) -> Callable[[Sections, Params], dict[str, Any]]:
    def prepare(sections: Sections, params: Params) -> dict[str, Any]:
        return {"tree": json_tree(sections[name], search_of(params))}

    return prepare


def _log(sections: Sections, params: Params) -> dict[str, Any]:
    search = search_of(params)
    # Other characters that may end a line are a program's own, as a form feed.
    text = sections["log"]["text"].removesuffix("\n")
    lines = [line for line in text.split("\n") if _fits(search, line)] if text else []
    # The end is what matters, as in `podman logs --tail`.
    return {"lines": lines[-_LOG_LINES:], "found": len(lines), "most": _LOG_LINES}


def _fits(search: str, *texts: str) -> bool:
    wanted = search.casefold()
    return any(wanted in text.casefold() for text in texts)


def _bounded(rows: Sequence[Any]) -> dict[str, Any]:
    return {"rows": rows[:MOST_ROWS], "found": len(rows), "most": MOST_ROWS,
            "is_cut": len(rows) > MOST_ROWS}  # fmt: skip


_PANELS: dict[str, Callable[[Sections, Params], dict[str, Any]]] = {
    "overview": _overview,
    "processes": _processes,
    "memory": _memory,
    "files": _files,
    "sockets": _sockets,
    "mounts": _mounts,
    "rootfs": _rootfs,
    "spec": _document("spec"),
    "config": _document("config"),
    "log": _log,
}
