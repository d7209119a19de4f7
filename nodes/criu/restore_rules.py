"""What stands in the way of a container on the node where it is restored."""

from __future__ import annotations

from nodes.criu.rule import Rule

RESTORE_RULES = (
    Rule(
        id="image-unknown",
        pattern=r"locating image with ID|image not known|unable to pull|pinging container registry",
        cause="The destination does not have the container's image, by its ID.",
        remedy="Try again: the image is copied by ID first.",
        source="field note 7, measured: Podman 5.8.6",
    ),
    Rule(
        id="port-in-use",
        pattern=r"address already in use|cannot expose port|port is already allocated"
        r"|cannot listen on the (?:TCP|UDP) port",
        cause="A published port is taken on the destination.",
        remedy="Stop what listens on that port on the destination, or choose another node.",
        source="measured: Podman 5.8.6",
    ),
    Rule(
        id="name-in-use",
        pattern=r"the container name .{0,300} is already in use",
        cause="Another container on the destination has the same name.",
        remedy="Rename or remove that container, then try again.",
        source="field note 9, measured: Podman 5.8.6",
    ),
    Rule(
        id="id-in-use",
        pattern=r"that ID is already in use",
        cause="A container with the same ID is on the destination already.",
        remedy="Remove the left-over container on the destination, then try again.",
        source="field note 9, measured: Podman 5.8.6",
    ),
    Rule(
        id="volume-in-use",
        pattern=r"volume with name .{0,300} already exists",
        cause="A volume with the same name is on the destination already.",
        remedy="Remove that volume, or migrate with --ignore-volumes to use it as it is.",
        options={"ignore_volumes": True},
        source="field note 8, measured: Podman 5.8.6; podman pkg/checkpoint/checkpoint_restore.go",
    ),
    Rule(
        id="file-missing",
        pattern=r"Can't open file \S{1,300}(?: on restore)?: No such file or directory",
        cause="A file that a process has open is not in the restored root filesystem.",
        remedy="If a symbolic link was deleted in the container, Podman removes what the link led "
        "to: restore with --ignore-rootfs. Otherwise bring the same image, by ID.",
        options={"ignore_rootfs": True},
        source="measured: Podman 5.8.6 with a deleted link to busybox, CRIU 4.2.1",
    ),
    Rule(
        id="file-differs",
        pattern=r"has bad size|has bad build-ID|has bad mode",
        cause="A file on the destination differs from the one that the process had open.",
        remedy="Use the same image by ID, and the same files in bind mounts.",
        source="measured: CRIU 4.2.1; criu/files-reg.c",
    ),
    Rule(
        id="address-in-use",
        pattern=r"requested ip address \S{1,100} is already allocated",
        cause="Another container on the destination has the container's address.",
        remedy="Try again with --ignore-static-ip.",
        options={"ignore_static_ip": True},
        source="measured: Podman 5.8.6; podman common/libnetwork/netavark/ipam.go",
    ),
    Rule(
        id="network-missing",
        pattern=r"unable to find network|network not found",
        cause="The container's network does not exist on the destination.",
        remedy="Create the network on the destination, then try again.",
        source="measured: Podman 5.8.6; podman common/libnetwork/netavark/network.go",
    ),
    Rule(
        id="static-ip",
        pattern=r"not in any subnet|requested static ip",
        cause="The container's fixed address does not belong to the network there.",
        remedy="Migrate with --ignore-static-ip and --ignore-static-mac, or create that network.",
        options={"ignore_static_ip": True, "ignore_static_mac": True},
        source="podman common/libnetwork/internal/util/validate.go",
    ),
    Rule(
        id="runtime-mismatch",
        pattern=r"No mapping for \S{1,300} mountpoint",
        cause="The checkpoint was made under another OCI runtime than the one of {node} "
        "({runtime}): the runtimes hide other files of /proc.",
        remedy="Set the same runtime in /etc/containers/containers.conf on both nodes, then try "
        "again.",
        source="criu/mount.c; podman#11945",
    ),
    Rule(
        id="cpu-feature",
        pattern=r"feature required by image is not supported on host"
        r"|CPU (?:instruction )?capabilities do not match run time",
        cause="The CPU of {node} lacks a feature that the container's programs use.",
        remedy="Choose a node whose CPU has all features of the source's.",
        source="criu/arch/x86/cpu.c; podman#17496",
    ),
    Rule(
        id="systemd-unit",
        pattern=r"is running or paused, cannot restore",
        facts={"systemd_unit": r".+"},
        cause="The systemd unit {systemd_unit} started the container again after its checkpoint.",
        remedy="Stop the unit on {node} first (systemctl stop {systemd_unit}), then try again.",
        source="podman libpod/container_internal_common.go; podman#12069",
    ),
    Rule(
        id="no-such-container",
        pattern=r"no such container\b(?! or image)",
        cause="Podman on {node} does not know the container {container} as the user that the site "
        "logs in as.",
        remedy="It may have been removed, or it is another user's: root does not see containers "
        "of users, nor they root's. Only root's can be moved: run it with sudo podman run.",
        source="podman libpod/define/errors.go; podman#8421, criu#2523",
    ),
)
