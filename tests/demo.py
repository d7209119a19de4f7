"""Show Ferry at work on this machine: two lab hosts with containers, registered in the site.

Everything is made at the first start and found again at the next. The hosts are stopped when the
site ends; `python -m tests.lab down --instance demo --wipe` forgets them altogether.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import django

from tests.lab import Host, Lab

INSTANCE = "demo"
COUNTER_PORT = 8081
WEB_PORT = 8080
# In the data folder of a site that the demo made.
MARKER = "demo"
_STOPPED = ("created", "exited", "stopped")


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "migrationsite.settings")
    django.setup()
    prepare_site()
    lab = Lab(INSTANCE)
    print("Starting two hosts, alder and birch …", flush=True)
    try:
        hosts = lab.up(["alder", "birch"])
        start_containers(hosts)
        password = register(hosts)
        print_welcome(hosts, password)
        return serve()
    finally:
        lab.down()


def prepare_site() -> None:
    """Make the demo's own database, or find it again. Exits if the folder is a real site's."""
    from django.conf import settings
    from django.core.management import call_command

    claim(settings.FERRY_DATA_DIR)
    call_command("migrate", verbosity=0)


def claim(folder: Path) -> None:
    """Mark a data folder as the demo's. Exits if it holds a site that the demo did not make."""
    marker = folder / MARKER
    if (folder / "ferry.sqlite3").exists() and not marker.exists():
        # The demo would overwrite its nodes and its admin's password.
        sys.exit(
            f"{folder} holds a site that the demo did not make, so nothing was done. "
            "Set FERRY_DATA_DIR to another folder for the demo."
        )
    marker.touch()


def serve() -> int:
    """Run the site until it ends; a signal to the demo ends the site, and then the demo."""
    site = subprocess.Popen([sys.executable, "manage.py", "serve"])
    for number in (signal.SIGINT, signal.SIGTERM):
        # Ctrl-C reaches the site by itself; a second signal would cut its rollbacks short.
        signal.signal(number, lambda received, _: stop(site, received))
    ended = site.wait()
    # Ended by the signal that somebody stopped it with: as it should be.
    return 0 if -ended in (signal.SIGINT, signal.SIGTERM) else ended


def stop(site: subprocess.Popen[bytes], received: int) -> None:
    if received == signal.SIGTERM:
        site.terminate()


def start_containers(hosts: dict[str, Host]) -> None:
    """Start the two workloads on alder, unless some host has them from an earlier demo."""
    present = {
        name: host
        for host in hosts.values()
        for name in host.run(["podman", "ps", "--all", "--format", "{{.Names}}"]).stdout.split()
    }
    for kind, port in (("counter", COUNTER_PORT), ("web", WEB_PORT)):
        if kind in present:
            start_if_stopped(present[kind], kind)
        else:
            hosts["alder"].start_workload(kind, name=kind, port=port)


def start_if_stopped(host: Host, name: str) -> None:
    """Start a stopped container, unless an operation is still to go on with it."""
    from nodes.models import Operation

    # A start would throw away the memory of one that is frozen for a migration.
    if Operation.objects.unfinished().filter(container_name=name).exists():
        return
    argv = ["podman", "container", "inspect", "--format", "{{.State.Status}}", name]
    if host.run(argv).stdout.strip() in _STOPPED:
        host.run(["podman", "start", name])


def register(hosts: dict[str, Host]) -> str:
    """Register the hosts as nodes and return a fresh password of the user admin."""
    from django.contrib.auth.models import User

    from nodes.first_start import make_first_admin
    from nodes.inventory.site_key import load_site_key
    from nodes.models import Node

    public_key = load_site_key().public_key
    for host in hosts.values():
        host.authorize(public_key)
        Node.objects.update_or_create(
            name=host.name,
            defaults={"host": host.address, "port": host.port, "host_key": host.host_key},
        )
    password = make_first_admin()
    if password is None:
        password = secrets.token_urlsafe(12)
        admin = User.objects.get(username="admin")
        admin.set_password(password)
        admin.save()
    return password


def print_welcome(hosts: dict[str, Host], password: str) -> None:
    from django.conf import settings

    addresses = ", ".join(f"{host.name} {host.address}" for host in hosts.values())
    print(f"""
  Hosts        {addresses}
  Containers   counter (memory checked all the time, port {COUNTER_PORT}), web (port {WEB_PORT})
  Site         http://{settings.FERRY_LISTEN}
  Sign in as   admin / {password}

  Click Migrate on counter. Stop with Ctrl-C.
""", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
