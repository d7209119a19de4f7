"""Tell which of the node's namespaces a container would share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from nodes.podman.privilege import HIGH, MEDIUM, REFUSED, Answers, Privilege, privilege

# By the name in the specification: what sharing it with the node means, and how bad that is.
NAMESPACES: Final = {
    "mount": ("It would see and change the node's own mounts.", HIGH),
    "pid": ("It would see the node's processes, and as root signal and trace them.", HIGH),
    "network": ("It would use the node's own network, its loopback address too.", HIGH),
    "ipc": ("It would share memory and semaphores with the node's processes.", MEDIUM),
    "uts": ("It would share the node's host name.", MEDIUM),
    "cgroup": ("It would see the node's cgroups.", MEDIUM),
}
# Where Podman keeps the network namespaces that it makes (Podman 4 and 5).
_OWN_NETWORK = re.compile(r"/(?:var/)?run/netns/(?:netns|cni)-[0-9a-f-]{36}")
# config.dump, of containers that use another's namespace.
_OF_CONTAINERS: Final = (
    "ipcNsCtr",
    "mountNsCtr",
    "netNsCtr",
    "pidNsCtr",
    "userNsCtr",
    "utsNsCtr",
    "cgroupNsCtr",
)


def namespace_privileges(spec: Answers, config: Answers) -> Iterator[Privilege]:
    given: dict[str, str] = {}
    for namespace in spec.part("linux").parts("namespaces"):
        name, path = namespace.text("type"), namespace.text("path")
        if name in given:
            why = "Which of the two it would get is for the runtime to decide."
            yield privilege("namespace", f"two {name} namespaces", why, REFUSED)
        given[name] = given.get(name) or path
    for name, (why, risk) in NAMESPACES.items():
        if name not in given:
            yield privilege("namespace", f"{name} namespace of the node", why, risk)
    for name, path in given.items():
        if path and not (name == "network" and _OWN_NETWORK.fullmatch(path)):
            why = "It would join the namespace at this path of the node, whosever it is."
            yield privilege("namespace", f"{name} namespace {path}", why, HIGH)
    for key in _OF_CONTAINERS:
        if other := config.text(key):
            why = "It would share a namespace with another container of the node."
            yield privilege("namespace", f"{key} {other}", why, HIGH)
    mode = config.text("networkMode")
    if "network" in given and (mode == "host" or mode.startswith(("ns:", "container:"))):
        why = "It would use a network that is not its own."
        yield privilege("namespace", f"network mode {mode}", why, HIGH)
