"""Read who imports whom, and which of it goes upwards in the layers of the architecture."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

Imports = Mapping[str, set[str]]

# The part of the operations that writes rows.
_RUNNER = [
    "nodes.operations.runner",
    "nodes.operations.jobs",
    "nodes.operations.archive_jobs",
    "nodes.operations.present",
    "nodes.operations.engine",
    "nodes.operations.engine_lock",
    "nodes.operations.heartbeat",
    "nodes.operations.last_worker",
    "nodes.operations.leftovers",
    "nodes.operations.patient_writes",
    "nodes.operations.phase_limits",
    "nodes.operations.queue",
    "nodes.operations.worker",
    "nodes.operations.lease",
    "nodes.operations.operation_tasks",
    "nodes.operations.procrastinate_engine",
    "nodes.operations.wake_calls",
    "nodes.operations.container_hold",
    "nodes.operations.action_checks",
    "nodes.operations.container_action",
    "nodes.operations.start",
    "nodes.operations.start_node",
    "nodes.operations.start_checkpoint",
    "nodes.operations.start_restore",
    "nodes.operations.batch_request",
    "nodes.operations.batch_plan",
    "nodes.operations.batch_pause",
    "nodes.operations.batch_begin",
    "nodes.operations.batch_turn",
    "nodes.operations.batch_coordinator",
    "nodes.operations.batches",
    "nodes.operations.retry",
    "nodes.operations.verdicts",
    "nodes.operations.ways_back",
    "nodes.operations.schedules",
    "nodes.operations.scheduler",
    "nodes.operations.turning",
    "nodes.operations.row_report",
]
# From the bottom upwards; a module belongs to the longest name that fits. Importing upwards is
# forbidden, within a layer it is not.
LAYERS: list[list[str]] = [
    [
        "nodes.problem",
        "nodes.finding",
        "nodes.uninterrupted",
        "nodes.live",
        "nodes.log_context",
        "nodes.log_format",
        "nodes.data_lock",
        "nodes.site_lock",
        "nodes",
    ],
    ["nodes.models", "nodes.migrations"],
    ["nodes.audit", "nodes.operation_log"],
    ["nodes.ssh"],
    ["nodes.podman", "nodes.criu", "nodes.host"],
    ["nodes.catalog"],
    ["nodes.archives"],
    ["nodes.inventory"],
    ["nodes.feeds"],
    ["nodes.operations"],
    _RUNNER,
    [
        "nodes.views",
        "nodes.api",
        "nodes.consumers",
        "nodes.forms",
        "nodes.health",
        "nodes.backup",
        "nodes.urls",
        "nodes.apps",
        "nodes.templatetags",
        "nodes.first_start",
        "nodes.site_checks",
        "nodes.background",
        "nodes.management",
    ],
    ["migrationsite"],
]
# These know no rows, not even by way of what they import.
PURE = [
    "nodes.problem",
    "nodes.finding",
    "nodes.uninterrupted",
    "nodes.ssh",
    "nodes.podman",
    "nodes.criu",
    "nodes.host",
    "nodes.catalog",
    "nodes.operations",
]
_ROWS = ("nodes.models", "django.db", "django.contrib")


def read_imports(root: Path, packages: Iterable[str]) -> dict[str, set[str]]:
    """Return for every module below the packages the modules that it imports, anywhere in it."""
    files = {
        _module_name(path.relative_to(root)): path
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
    }
    return {name: _imported(path, set(files)) for name, path in files.items()}


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, known: set[str]) -> set[str]:
    found: set[str] = set()
    for statement in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(statement, ast.Import):
            found.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            assert statement.level == 0, f"{path}: relative import"
            for alias in statement.names:
                whole = f"{statement.module}.{alias.name}"
                found.add(whole if whole in known else str(statement.module))
    return found


def layer_of(module: str) -> int:
    """Return the number of the module's layer, or -1 if it has none."""
    fitting = [
        (len(name), number)
        for number, names in enumerate(LAYERS)
        for name in names
        if module == name or (module.startswith(f"{name}.") and name != "nodes")
    ]
    return max(fitting, default=(0, -1))[1]


def violations(imports: Imports) -> list[str]:
    """Return one sentence for every import that the architecture forbids."""
    found = []
    for module, imported in imports.items():
        if layer_of(module) < 0:
            found.append(f"{module} is in no layer")
        for other in sorted(imported):
            if other in imports and layer_of(other) > layer_of(module):
                found.append(f"{module} imports {other}, which is above it")
            if _is_in(other, ["asyncssh"]) and not _is_in(module, ["nodes.ssh"]):
                found.append(f"{module} imports asyncssh, which only nodes.ssh may")
        if _is_in(module, PURE) and not _is_in(module, _RUNNER):
            found += [f"{module} reaches rows: {path}" for path in _paths_to_rows(module, imports)]
    return found


def _paths_to_rows(module: str, imports: Imports) -> list[str]:
    paths = {module: module}
    waiting = [module]
    found = []
    while waiting:
        current = waiting.pop()
        for other in sorted(imports.get(current, set()) - set(paths)):
            paths[other] = f"{paths[current]} > {other}"
            if _is_in(other, _ROWS):
                found.append(paths[other])
            elif other in imports:
                waiting.append(other)
    return found


def _is_in(module: str, names: Iterable[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)
