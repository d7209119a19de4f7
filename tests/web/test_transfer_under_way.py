"""What an operation has received so far is kept for it, and its page says how each leg stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from nodes.archives.keep import tidy_up
from nodes.archives.place import archive_store
from nodes.models import Container, Node, Operation, OperationState
from tests.factories import make_operation

MIB = 1024 * 1024


def transferring(counter: Container, legs: dict[str, Any], **values: Any) -> Operation:
    """Make a migration in its transfer, with the figures of both legs."""
    birch = Node.objects.get(name="birch")
    operation = make_operation(counter.node, birch, state=OperationState.RUNNING, **values)
    transfer = next(phase for phase in operation.phases if phase["name"] == "transfer")
    transfer.update(state="running", started_at="2026-11-25T03:00:00+00:00", legs=legs)
    operation.save()
    return operation


@pytest.mark.parametrize("state", [OperationState.RUNNING, OperationState.FAILED])
def test_what_a_running_operation_has_received_survives_a_start_of_the_site(
    archives_folder: Path, counter: Container, state: OperationState
) -> None:
    half = archives_folder / "incoming" / "half"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    birch = Node.objects.get(name="birch")
    make_operation(counter.node, birch, state=state, journal={"incoming_key": "half"})
    tidy_up(archive_store())
    assert half.exists() == (state == OperationState.RUNNING)


def test_the_page_says_the_rate_and_what_is_left_of_each_leg(
    oscars_browser: Client, counter: Container
) -> None:
    operation = transferring(
        counter,
        {
            "alder → catalog": {
                "bytes": 100 * MIB, "total": 300 * MIB, "rate": 10.0 * MIB, "note": "",
                "moved_at": timezone.now().isoformat(),
            },
            "catalog → birch": {
                "bytes": 96 * MIB, "total": None, "rate": None,
                "note": "The link to birch is lost at 96.0 MiB: timed out. Trying again in 2.0 s.",
            },
        },
    )  # fmt: skip
    page = oscars_browser.get(operation.get_absolute_url()).content.decode()
    assert "alder → catalog" in page
    assert re.search(r"100\.0 MiB<span [^>]*> · 10\.0 MiB/s · about 20 s left</span>", page)
    assert "96.0 MiB</span>" in page
    assert "The link to birch is lost at 96.0 MiB" in page


def test_a_leg_that_waits_for_podman_says_so(oscars_browser: Client, counter: Container) -> None:
    waits = "Waiting for Podman on alder to write on."
    figures = {"bytes": 5, "total": None, "rate": None, "note": waits}
    operation = transferring(counter, {"alder → catalog": figures})
    assert waits in oscars_browser.get(operation.get_absolute_url()).content.decode()
