"""What preflight sees when all is well: nodes alder and birch, container counter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nodes.host.facts import CAPABILITIES, HostFacts
from nodes.host.probe import TOOLS
from nodes.operations.migration_plan import (
    DestinationFacts,
    MigrationPlan,
    SourceFacts,
    Surroundings,
)
from nodes.podman.containers import (
    ContainerDetail,
    ListedContainer,
    Mount,
    Port,
    parse_container_detail,
)
from nodes.podman.info import parse_info
from nodes.podman.options import MigrationOptions
from nodes.podman.processes import Process
from tests.fake_host import recorded

MIB = 1024 * 1024
COUNTER_ID = "7657bdea19a42b0bc5914c2a03a240075ae585753bde796cba94e7831dd9c18a"
OTHER_ID = "25" * 32


def make_host(*, info: dict[str, Any] | None = None, **changes: Any) -> HostFacts:
    """Return a host that is ready; ``info`` changes what `podman info` says."""
    facts = HostFacts(
        info=replace(parse_info(recorded("info.json")), **(info or {})),
        podman_problem="",
        distribution="Debian GNU/Linux forky/sid",
        distribution_ids=("debian",),
        uid=0,
        capabilities=frozenset(CAPABILITIES),
        criu_version="4.2.1",
        criu_check="Looks good.",
        criu_check_passed=True,
        criu_check_all="Looks good.",
        criu_features={"mem_dirty_track": True, "tcp_half_closed": True},
        runc_version="1.3.6",
        crun_version="1.28",
        crun_has_criu=True,
        has_libcriu=False,
        conmon_version="2.1.13",
        selinux="",
        container_selinux_version="",
        apparmor=False,
        staging_free_bytes=10_000 * MIB,
        graph_root_free_bytes=10_000 * MIB,
        memory_available_bytes=10_000 * MIB,
        cpu_flags=frozenset({"fpu", "sse2", "avx2"}),
        tools=frozenset(TOOLS) - {"dnf"},
        config_files=(),
        containers=(),
        clock_offset_s=0.0,
        clock_error_s=0.01,
    )
    return replace(facts, **changes)


def make_counter(**changes: Any) -> ContainerDetail:
    return replace(parse_container_detail(recorded("inspect-counter.json")), **changes)


def make_neighbour(**changes: Any) -> ListedContainer:
    """Return a container of the destination that is in nobody's way."""
    neighbour = ListedContainer(
        podman_id=OTHER_ID,
        name="web",
        image="localhost/web:latest",
        image_id="a3" * 32,
        state="running",
        status="Up 3 minutes",
        command=[],
        ports=[],
        labels={},
        mounts=[],
        networks=["podman"],
        pod="",
        exit_code=None,
        created_at=None,
        started_at=None,
    )
    return replace(neighbour, **changes)


def make_port(host_port: int, **changes: Any) -> Port:
    port = Port(host_ip="", host_port=host_port, container_port=host_port, count=1, protocol="tcp")
    return replace(port, **changes)


def make_bind(source: str) -> Mount:
    return Mount(type="bind", name="", source=source, destination="/mnt")


def make_plan(**options: Any) -> MigrationPlan:
    return MigrationPlan(
        operation_id=7, container_id=COUNTER_ID, options=MigrationOptions(**options)
    )


def make_surroundings(
    *,
    source: HostFacts | None = None,
    destination: HostFacts | None = None,
    container: dict[str, Any] | None = None,
    catalog_free_bytes: int = 10_000 * MIB,
    rss_bytes: int = 64 * MIB,
    open_connections: int = 0,
    here: dict[str, Any] | None = None,
    **there: Any,
) -> Surroundings:
    """Return two ready nodes; ``here`` changes the source's facts, ``there`` the destination's."""
    found = DestinationFacts(
        host=destination or make_host(),
        containers=[],
        has_image=True,
        image_id_of_name="",
        volumes=frozenset(),
        networks=frozenset({"podman"}),
        taken_tcp_ports=frozenset({22}),
        taken_udp_ports=frozenset(),
        missing_bind_sources=[],
        taken_addresses=frozenset(),
    )
    return Surroundings(
        source=SourceFacts(
            host=source or make_host(),
            container=make_counter(**(container or {})),
            processes=[Process(pid=1, command="counter", rss_bytes=rss_bytes)],
            open_connections=open_connections,
            **(here or {}),
        ),
        destination=replace(found, **there),
        catalog_free_bytes=catalog_free_bytes,
    )
