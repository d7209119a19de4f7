"""No value of an environment variable is in what the site keeps of an archive."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from nodes.catalog.index import read_contents
from nodes.catalog.index_secrets import without_values
from tests.unit.archives import Checkpoint
from tests.unit.criu_images import Program

PAIRS = ["PATH=/bin", "SECRET=hunter2"]


def command_after_hiding(*arguments: str) -> list[str]:
    hidden: list[str] = without_values({"CreateCommand": list(arguments)}, PAIRS)["CreateCommand"]
    return hidden


def test_no_section_holds_a_value() -> None:
    checkpoint = Checkpoint(
        environment=["PATH=/bin", "SECRET=hunter2", "EMPTY="],
        programs=[Program(environment=["SECRET=hunter2", "OTHER=swordfish"])],
        spec={"hooks": {"prestart": [{"path": "/hook", "env": ["TOKEN=opensesame"]}]}},
    )

    contents = read_contents(io.BytesIO(checkpoint.pack()))

    kept = json.dumps(contents.sections)
    for value in ("hunter2", "swordfish", "opensesame"):
        assert value not in kept
    assert contents.sections["processes"][0]["environment"] == ["SECRET", "OTHER"]
    assert "EMPTY=•••" in contents.sections["spec"]["process"]["env"]
    assert "spec" not in contents.sections["config"]


@pytest.mark.parametrize(
    "arguments, shown",
    [
        (["-e", "A=b"], ["-e", "A=•••"]),
        (["-eA=b"], ["-eA=•••"]),
        (["-dite", "A=b=c"], ["-dite", "A=•••"]),
        (["-itdeA=b"], ["-itdeA=•••"]),
        (["--env", "A=b"], ["--env", "A=•••"]),
        (["--env=A=b"], ["--env=A=•••"]),
        (["-e", "A"], ["-e", "A"]),
        (["--env", "A", "--name", "x=y"], ["--env", "A", "--name", "x=y"]),
        (["--secret", "s,type=env,target=A"], ["--secret", "s,type=env,target=A"]),
        (["-v", "data:/e=x", "--label", "a=b"], ["-v", "data:/e=x", "--label", "a=b"]),
        (["-ve=x"], ["-ve=x"]),
        (["--env-file", "/etc/env=1"], ["--env-file", "/etc/env=1"]),
        # However it got there.
        (["sh", "-c", "run", "SECRET=hunter2"], ["sh", "-c", "run", "SECRET=•••"]),
    ],
)
def test_the_command_that_created_it_has_no_values(arguments: list[str], shown: list[str]) -> None:
    assert command_after_hiding(*arguments) == shown


@pytest.mark.parametrize(
    "environment, hidden",
    [
        (["A=b", "C"], ["A=•••", "C"]),
        ({"A": "b"}, {"A": "•••"}),
        ("A=b", "•••"),
        ([["A=b"]], ["•••"]),
        (None, None),
    ],
)
def test_an_environment_of_any_shape_is_hidden(environment: Any, hidden: Any) -> None:
    document = {"deep": [{"Env": environment}]}

    assert without_values(document, [])["deep"][0]["Env"] == hidden


def test_the_document_itself_stays_as_it_was() -> None:
    document = {"process": {"env": ["A=b"]}, "CreateCommand": ["-e", "A=b"]}

    without_values(document, [])

    assert document == {"process": {"env": ["A=b"]}, "CreateCommand": ["-e", "A=b"]}
