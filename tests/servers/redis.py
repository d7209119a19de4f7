"""A private Redis on a socket in its own folder."""

from __future__ import annotations

import redis

from tests.servers.server import Server


class Redis(Server):
    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def _socket(self) -> str:
        return f"{self.folder}/redis.sock"

    def start(self) -> None:
        options = {"port": "0", "unixsocket": self._socket, "dir": f"{self.folder}", "save": ""}
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        self.launch(["redis-server", *flags], self._answers)

    def forget_everything(self) -> None:
        with redis.Redis(unix_socket_path=self._socket) as client:
            client.flushall()

    def _answers(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=self._socket) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False
