"""Unpacking ahead is planned only where the destination has all that it takes."""

from __future__ import annotations

import pytest

from nodes.operations.unpack_ahead import plan_unpack_ahead
from tests.unit.builders import COUNTER_ID, make_host, make_plan


def test_it_unpacks_where_podman_will_look() -> None:
    planned = plan_unpack_ahead(make_host(), make_plan(compress="gzip"))
    assert planned is not None
    assert str(planned.place) == (
        f"/var/lib/containers/storage/overlay-containers/{COUNTER_ID}/userdata"
    )
    assert str(planned.thin_path) == "/var/lib/ferry/7/thin.tar"
    assert planned.compression == "gzip"


@pytest.mark.parametrize(
    "compress, tools, possible",
    [
        ("zstd", {"tar", "zstd"}, True),
        ("zstd", {"tar", "gzip"}, False),
        ("gzip", {"tar", "gzip"}, True),
        ("gzip", {"tar"}, False),
        ("none", {"tar"}, True),
        ("none", {"zstd", "gzip"}, False),
    ],
)
def test_it_needs_gnu_tar_and_the_compressions_program(
    compress: str, tools: set[str], possible: bool
) -> None:
    planned = plan_unpack_ahead(make_host(tools=frozenset(tools)), make_plan(compress=compress))
    assert (planned is not None) == possible


@pytest.mark.parametrize(
    "info",
    [{"graph_driver": "vfs"}, {"graph_root": "/srv/my store"}, {"graph_root": "/srv/*"}],
)
def test_it_is_left_alone_where_the_store_is_unusual(info: dict[str, str]) -> None:
    assert plan_unpack_ahead(make_host(info=info), make_plan()) is None
