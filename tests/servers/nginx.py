"""A private nginx in a folder of its own, with the configuration that deploy/ offers."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.servers.server import Server
from tests.serving import ROOT, free_port

CONFIGURATION = ROOT / "deploy" / "nginx" / "ferry.conf"
_PROGRAM = "/usr/sbin/nginx"
_MAIN = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/log;
events {{}}
http {{
    access_log off;
    {temporary}
    include {folder}/ferry.conf;
}}
"""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx(Server):
    """In front of processes that serve; what it sends itself lies in ``archives``."""

    def __init__(self, ports: Sequence[int], archives: Path) -> None:
        super().__init__()
        self.port = free_port()
        self._ports = ports
        self._archives = archives

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        (self.folder / "ferry.conf").write_text(self._configuration())
        paths = " ".join(f"{name}_temp_path {self.folder}/{name};" for name in _TEMPORARY)
        main = self.folder / "nginx.conf"
        main.write_text(_MAIN.format(folder=self.folder, temporary=paths))
        argv = [_PROGRAM, "-p", str(self.folder), "-c", str(main)]
        self.run([*argv, "-t"])
        self.launch(argv, self._answers)

    def _configuration(self) -> str:
        """Return deploy/'s, but for its ports, its certificate and its folder."""
        text = CONFIGURATION.read_text()
        servers = "\n".join(f"    server 127.0.0.1:{port};" for port in self._ports)
        text = re.sub(r"(?m)(^ +server 127\.0\.0\.1:\d+;\n?)+", f"{servers}\n", text)
        text = re.sub(r"(?m)^ +ssl_certificate.*\n", "", text)
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{self.port};")
        return text.replace("/srv/ferry-archives/", f"{self._archives}/")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return not probe.connect_ex(("127.0.0.1", self.port))
