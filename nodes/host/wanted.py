"""What containers.conf has to say for CRIU, and why (field.md: restored scopes, runtimes)."""

from __future__ import annotations

# Tables and keys of containers.conf(5).
ENGINE = "engine"
RUNTIME = "runtime"
CGROUP_MANAGER = "cgroup_manager"
WANTED = {RUNTIME: "runc", CGROUP_MANAGER: "cgroupfs"}
