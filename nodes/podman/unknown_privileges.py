"""Tell what a container has that is neither judged nor known to be harmless."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nodes.podman.config_privileges import paths_of_the_node
from nodes.podman.privilege import MEDIUM, Answers, Privilege, privilege

# By the place in the specification: what is judged elsewhere or gives a container nothing.
_SPEC: Final[dict[str, str]] = {
    "": "ociVersion process root hostname domainname mounts annotations linux hooks",
    "process": "user args env cwd capabilities rlimits noNewPrivileges apparmorProfile "
    "selinuxLabel oomScoreAdj terminal consoleSize",
    "process user": "uid gid umask additionalGids username",
    "root": "path readonly",
    "linux": "uidMappings gidMappings sysctl resources cgroupsPath namespaces devices netDevices "
    "seccomp rootfsPropagation maskedPaths readonlyPaths mountLabel",
    "linux resources": "devices memory cpu pids blockIO hugepageLimits",
    "linux seccomp": "defaultAction defaultErrnoRet architectures syscalls listenerPath",
}
_MOUNT: Final = frozenset(["destination", "type", "source", "options"])
# Podman 4 and 5: libpod/container_config.go.
_CONFIG: Final = frozenset(
    [
        *("spec", "id", "name", "pod", "lockID", "CreateCommand", "RawImageName"),
        *("idMappingsOptions", "Dependencies", "rootfsImageID", "rootfsImageName", "rootfs"),
        *("NOShmShare", "NoShm", "shmSize", "shmSizeSystemd", "mounts", "ShmDir", "staticDir"),
        *("secretsPath", "logPath", "conmonPidFile", "pid_file", "namedVolumes"),
        *("overlayVolumes", "ctrImageVolumes", "createWorkingDir", "secrets", "storageOpts"),
        *("passwd", "volatile", "chroot_directories", "privileged", "ProcessLabel", "MountLabel"),
        *("labelopts", "user", "groups", "ipcNsCtr", "mountNsCtr", "netNsCtr", "pidNsCtr"),
        *("userNsCtr", "utsNsCtr", "cgroupNsCtr", "createNetNS", "newPortMappings"),
        *("portMappings", "exposedPorts", "dnsServer", "dnsSearch", "dnsOption"),
        *("UseImageResolvConf", "useImageHostname", "UseImageHosts", "hostsAdd", "newNetworks"),
        *("networks", "networkMode", "network_options", "userVolumes", "entrypoint", "command"),
        *("stdin", "labels", "stopSignal", "stopTimeout", "timeout", "createdTime"),
        *("cgroupManager", "cgroupsMode", "cgroupParent", "group_entry", "passwd_entry"),
        *("kubeExitCodePropagation", "logTag", "logLabels", "logSize", "logDriver"),
        *("restart_policy", "restart_retries", "postConfigureNetNS", "runtime", "pause"),
        *("defaultPause", "isService", "isInfra", "imageVolumes", "sdnotifyMode", "systemd"),
        *("healthcheck", "startupHealthCheck", "healthcheck_on_failure_action"),
        *("healthLogDestination", "healthMaxLogCount", "healthMaxLogSize", "timezone", "umask"),
        *("cdiDevices", "device_host_src", "secret_env", "readWriteTmpfs", "exitCommand"),
        "checkpointedTime",
    ]
)


def unknown_privileges(spec: Answers, config: Answers) -> Iterator[Privilege]:
    for place, known in _SPEC.items():
        part = spec
        for key in place.split():
            part = part.part(key)
        yield from _unknown(part, frozenset(known.split()), place.replace(" ", "."))
    for mount in spec.parts("mounts"):
        yield from _unknown(mount, _MOUNT, f"mount {mount.text('destination')}")
    told_by_path = {key for key, value in config.values.items() if any(paths_of_the_node(value))}
    yield from _unknown(config, _CONFIG | told_by_path, "")
    yield from _unknown(config.part("storageOpts"), frozenset(["size"]), "storageOpts")


def _unknown(part: Answers, known: frozenset[str], place: str) -> Iterator[Privilege]:
    for key, value in part.values.items():
        if key not in known and value not in (None, False, 0, "", [], {}):
            why = "What this setting does is not known here: an ordinary container has none."
            yield privilege("setting", f"{place}: {key}" if place else key, why, MEDIUM)
