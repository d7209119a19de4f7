"""Real hosts with sshd, Podman and CRIU on one machine, made of namespaces."""

from tests.lab.counter import CounterReading, full_check, read_counter, wait_until_it_counts
from tests.lab.errors import CommandError, LabError
from tests.lab.host import Host
from tests.lab.lab import DEFAULT_HOSTS, Lab
from tests.lab.rootfs import PASSWORD

__all__ = [
    "DEFAULT_HOSTS",
    "PASSWORD",
    "CommandError",
    "CounterReading",
    "Host",
    "Lab",
    "LabError",
    "full_check",
    "read_counter",
    "wait_until_it_counts",
]
