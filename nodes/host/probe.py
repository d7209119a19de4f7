"""Ask a host everything about itself in one round trip: the script, and its answer in sections.

A section's text is whatever its command printed on both streams. The mark that parts them is drawn
anew for each call, so that no output, however hostile, can pass for another section.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nodes.podman.answer import reading

# Kept free of what an operation stages: see operations/staging.py.
STAGING_PARENT = "/var/lib"
CONTAINERS_CONF = "/etc/containers/containers.conf"
# Those that decide what can be moved; `criu check --all` tells in one word about all of them.
CRIU_FEATURES = (
    "mem_dirty_track", "tcp_half_closed", "uffd-noncoop", "can_map_vdso", "get_rseq_conf",
    "move_mount_set_group", "openat2", "pagemap_scan", "clone3_set_tid", "nftables",
    "apparmor_stacking", "timer_cr_ids",
)  # fmt: skip
TOOLS = (
    "apt-get", "bash", "criu", "crun", "dnf", "gzip", "iptables-restore", "ldd", "nft", "perl",
    "podman", "python3", "runc", "tar", "zstd",
)  # fmt: skip
# $1 is the mark, then come CRIU's features. Each command has a time limit of its own: one that
# hangs, as podman does on a store whose disk is gone, must not hide what the others say.
_SCRIPT = (
    """
mark=$1
shift
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
begin() { printf '%s begin %s\\n' "$mark" "$1"; }
end() { printf '\\n%s end %s\\n' "$mark" "$1"; }
section() {
  begin "$1"
  shift
  timeout --kill-after=2 "${limit_s:-10}" "$@" < /dev/null 2>&1
  end $?
}
free_bytes() { section "$1" stat --file-system --format='%a %S' -- "$2"; }
section began date +%s.%N
section user id -u
section os cat /etc/os-release
section kernel uname -r
section machine uname -m
section hostname uname -n
section cpus getconf _NPROCESSORS_ONLN
section cpu grep -m1 -E '^(flags|Features)' /proc/cpuinfo
section memory grep -E '^Mem(Total|Available):' /proc/meminfo
section capabilities grep '^CapEff:' /proc/self/status
section podman podman --version
section runc runc --version
section crun crun --version
section conmon conmon --version
section criu criu --version
section criu-check criu check
section criu-check-all criu check --all
limit_s=3
for feature; do section "feature $feature" criu check --feature "$feature"; done
limit_s=10
section libcriu sh -c 'ldconfig -p | grep -F libcriu.so'
section selinux getenforce
section container-selinux rpm --query --queryformat '%{VERSION}' container-selinux
section apparmor cat /sys/module/apparmor/parameters/enabled
section cgroup stat --file-system --format=%T /sys/fs/cgroup
section gnu-tar sh -c 'tar --version | grep -F "GNU tar"'
begin tools
for tool in """
    + " ".join(TOOLS)
    + """; do command -v "$tool" > /dev/null && echo "$tool"; done
end 0
free_bytes staging """
    + STAGING_PARENT
    + """
begin podman-info
info=$(timeout --kill-after=2 30 podman info --format json < /dev/null 2>&1)
status=$?
printf '%s\\n' "$info"
end $status
graph_root=$(printf '%s\\n' "$info" | sed -n 's/^ *"graphRoot": "\\(.*\\)",*$/\\1/p' | head -n 1)
[ -z "$graph_root" ] || free_bytes graph-root "$graph_root"
running=$(timeout --kill-after=2 10 podman ps --quiet --no-trunc < /dev/null 2> /dev/null)
if [ -n "$running" ]; then
  section containers podman container inspect --format \\
    '{{.Name}} {{.HostConfig.CgroupManager}} {{.OCIRuntime}}' $running
fi
for file in """
    + CONTAINERS_CONF
    + " "
    + CONTAINERS_CONF
    + """.d/*.conf; do
  if [ -e "$file" ]; then
    section "file $file" head -c 262144 -- "$file"
  fi
done
section ended date +%s.%N
"""
)


@dataclass(frozen=True, kw_only=True)
class Section:
    text: str
    exit_status: int

    @property
    def said(self) -> str:
        """Return what a command that worked printed, "" of one that failed or is missing."""
        return self.text.strip() if self.exit_status == 0 else ""


# As where the command could not be asked for at all.
NOTHING = Section(text="", exit_status=127)


def probe_argv(mark: str) -> list[str]:
    return ["sh", "-c", _SCRIPT, "probe", mark, *CRIU_FEATURES]


@reading("the host's probe")
def parse_probe(text: str, mark: str) -> Mapping[str, Section]:
    """Return the sections by name. Raises UnreadableAnswer when none is whole."""
    pattern = re.compile(
        rf"^{re.escape(mark)} begin (.+)\n((?s:.*?))\n{re.escape(mark)} end (\d+)$", re.MULTILINE
    )
    sections = {
        # The end's own line break is not the command's.
        name: Section(text=body, exit_status=int(status))
        for name, body, status in pattern.findall(text)
    }
    if "ended" not in sections:
        raise ValueError("it broke off")
    return sections
