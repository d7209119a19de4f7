"""Failures that facts tell, alone or together with a line, by the rule that knows them."""

from __future__ import annotations

from nodes.criu.diagnosis import Evidence

# In the lab: CRIU 4.1 on kernel 6.18 (field note 11).
OLD_CRIU = {"node": "alder", "criu_version": "4.1.1", "kernel": "6.18.44-fc-v657"}

# From podman libpod/container_internal_common.go; the unit that starts it again: podman#12069.
RUNS_AGAIN = (
    "Error: container 46ae8b8b3cd2 is running or paused, cannot restore: container state improper"
)

FACTS = [
    # Field.md §4: Podman's systemd cgroup manager.
    ("exit-0-systemd", Evidence(exit_code=0, facts={"cgroup_manager": "systemd"})),
    # Podman#17496.
    ("exit-132", Evidence(exit_code=132)),
    # Criu#570.
    ("exit-139", Evidence(exit_code=139)),
    # As CPython prints EINTR; criu#1589 says why a restored program meets it.
    (
        "exit-interrupted",
        Evidence(exit_code=1, container_log="OSError: [Errno 4] Interrupted system call\n"),
    ),
    ("exit-other", Evidence(exit_code=0, facts={"cgroup_manager": "cgroupfs"})),
    ("exit-other", Evidence(exit_code=1, facts={"cgroup_manager": "systemd"})),
    ("systemd-unit", Evidence(stderr=RUNS_AGAIN, facts={"systemd_unit": "counter.service"})),
    (
        "kernel-limit",
        Evidence(log="(00.104) Error (criu/cr-dump.c:1975): Dumping FAILED.", facts=OLD_CRIU),
    ),
    ("kernel-limit", Evidence(stderr="criu failed: type RESTORE errno 0", facts=OLD_CRIU)),
]
