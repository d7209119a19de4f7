"""Imports go downwards only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.layers import layer_of, read_imports, violations

ROOT = Path(__file__).resolve().parents[2]


def test_imports_go_downwards_only() -> None:
    imports = read_imports(ROOT, ["nodes", "migrationsite"])
    assert len(imports) > 80
    assert violations(imports) == []


@pytest.mark.parametrize(
    "module, statement, complaint",
    [
        ("nodes.ssh.session", "from nodes.inventory import fleet", "above it"),
        ("nodes.models.node", "import nodes.audit", "above it"),
        ("nodes.inventory.fleet", "from nodes.operations.errors import X", "above it"),
        ("nodes.operations.migrate", "from nodes.operations.runner import X", "above it"),
        ("nodes.operations.start", "from nodes.api import api", "above it"),
        ("nodes.views.node", "from migrationsite import settings", "above it"),
        ("nodes.views.node", "import asyncssh", "only nodes.ssh may"),
        ("nodes.operations.migrate", "from nodes.models import Node", "reaches rows"),
        ("nodes.operations.migrate", "import nodes.inventory.fleet", "reaches rows"),
        ("nodes.podman.argv", "from django.db import models", "reaches rows"),
        ("nodes.catalog.store", "def f():\n    from nodes.models import Archive", "reaches rows"),
        ("nodes.helpers", "", "in no layer"),
    ],
)
def test_a_forbidden_import_is_found(
    tmp_path: Path, module: str, statement: str, complaint: str
) -> None:
    others = {
        "nodes.audit", "nodes.api", "nodes.models", "nodes.inventory.fleet",
        "nodes.operations.errors", "nodes.operations.runner", "migrationsite.settings",
    }  # fmt: skip
    for name in others | {module}:
        path = tmp_path / Path(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "nodes/inventory/fleet.py").write_text("from nodes.models import Node")
    path = tmp_path / Path(*module.split(".")).with_suffix(".py")
    path.write_text(f"{path.read_text()}\n{statement}\n")

    found = violations(read_imports(tmp_path, ["nodes", "migrationsite"]))

    assert any(line.startswith(module) and complaint in line for line in found), found


def test_the_longest_name_decides_the_layer() -> None:
    assert layer_of("nodes.operations.runner") > layer_of("nodes.operations.migrate")
    assert layer_of("nodes") == layer_of("nodes.problem")
    assert layer_of("nodes.modelsandmore") == -1
