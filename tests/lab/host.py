"""One lab host: a machine with a cable, a disk, sshd and Podman to play with."""

from __future__ import annotations

from collections.abc import Sequence

from tests.lab import configuration, disk, images, sshd, workload
from tests.lab.machine import Machine


class Host(Machine):
    """A host as tests and the demo see it."""

    def authorize(self, public_key: str, user: str = "root") -> None:
        """Let a public key log in, now and after a restart."""
        sshd.authorize(self, public_key, user)

    def deauthorize(self, user: str = "root") -> None:
        """Let no key log in as that user any more."""
        sshd.deauthorize(self, user)

    def rotate_host_key(self) -> None:
        """Give the host another key, as a reinstallation would."""
        sshd.rotate_key(self)

    def stop_sshd(self, *, drop_sessions: bool = False) -> None:
        """Stop sshd; open connections go on unless they are to be dropped."""
        sshd.stop(self, sessions=drop_sessions)

    def start_sshd(self) -> None:
        """Start sshd again."""
        sshd.start(self)
        sshd.wait_until_it_answers(self.address)

    def cut(self) -> None:
        """Cut the host off the network."""
        self.link.cut()

    def mend(self) -> None:
        """Undo the cut."""
        self.link.mend()

    def shape(self, rate: str) -> None:
        """Limit both directions of the link, for instance to "1gbit"."""
        self.link.shape(self.init_pid, rate)

    def unshape(self) -> None:
        """Take the limit away."""
        self.link.unshape(self.init_pid)

    def limit_disk(self, path: str, size_bytes: int) -> None:
        """Mount a small disk over a folder."""
        disk.limit(self, path, size_bytes)

    def unlimit_disk(self, path: str) -> None:
        """Take the small disk away."""
        disk.unlimit(self, path)

    def fill_disk(self, path: str, leave_bytes: int) -> None:
        """Fill a disk up to a few bytes."""
        disk.fill(self, path, leave_bytes)

    def reset_configuration(self) -> None:
        """Make the configuration of Podman and CRIU what the root filesystem came with."""
        configuration.reset(self)

    def load_image(self, name: str) -> str:
        """Load one of the lab's images ("counter", "busybox") and return its ID."""
        return images.load(self, name)

    def remove_image(self, name: str) -> None:
        """Remove one of the lab's images, if the host has it."""
        images.remove(self, name)

    def start_workload(
        self,
        kind: str,
        *,
        name: str | None = None,
        memory_mib: int = 64,
        tick_ms: int = 100,
        port: int | None = None,
        size_bytes: int = 65536,
        image: str | None = None,
        options: Sequence[str] = (),
    ) -> str:
        """Start a container of a known kind and return its ID.

        See workload.KINDS; options go to `podman run` as they are.
        """
        wish = workload.Wish(memory_mib, tick_ms, port, size_bytes)
        return workload.start(self, kind, wish, name=name or kind, image=image, options=options)
