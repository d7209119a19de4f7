#!/bin/sh
# Becomes PID 1 of a lab host. Runs in fresh namespaces.
# $1: shared root filesystem, $2: the host's own folder, $3: the host's name.
set -eu
lower=$1 folder=$2 name=$3 root=$2/root

hostname "$name"
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$folder/upper,workdir=$folder/work" "$root"

# An overlay cannot be the upper layer of Podman's own overlay.
mkdir -p "$root/var/lib/containers"
mount --bind "$folder/containers" "$root/var/lib/containers"

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
mkdir "$root/dev/net"
for device in null zero full random urandom tty fuse net/tun; do
    [ -e "/dev/$device" ] || continue
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mkdir -p "$root/run/sshd" "$root/run/lock" "$root/run/old-root"

echo 1 > "$root/proc/sys/net/ipv4/ip_forward"
ip link set lo up

# With a plain chroot CRIU says "No parent found for mountpoint".
cd "$root"
pivot_root . run/old-root
cd /
umount -l /run/old-root
rmdir /run/old-root

# catatonit reaps what conmon and sshd leave behind.
exec /usr/bin/catatonit -P
