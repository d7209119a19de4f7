#!/bin/sh
# Turns a fresh debootstrap into the root filesystem that all lab hosts share.
# Runs chrooted; $1 is the password of the two users, $2 is "ready" or
# "bare": a bare host has its packages waiting in apt's cache, and no configuration.
set -eu

for user in ferry plain; do
    useradd --create-home --shell /bin/bash "$user"
    printf '%s:%s\n' "$user" "$1" | chpasswd
    install -d -m 0700 -o "$user" -g "$user" "/home/$user/.ssh"
done
install -d -m 0700 /root/.ssh
chmod 0440 /etc/sudoers.d/ferry

# Every host gets keys, a name and an empty resolver of its own.
rm -f /etc/ssh/ssh_host_* /etc/hostname
rm -f /etc/resolv.conf
: > /etc/resolv.conf

if [ "$2" = bare ]; then
    rm /etc/containers/containers.conf
else
    apt-get clean
    rm -rf /var/lib/apt/lists/*
fi
rm -rf /var/cache/debconf/*-old /var/log/*.log
rm -rf /usr/share/doc /usr/share/man /usr/share/info
find /usr/share/locale -mindepth 1 -maxdepth 1 ! -name 'locale.alias' -exec rm -rf {} +
