"""Find the Debian mirror that this machine itself uses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.lab.errors import LabError

APT_FOLDER = Path("/etc/apt")


def debian_mirror() -> str:
    """Return the URL of the machine's Debian mirror.

    FERRY_LAB_MIRROR overrides. Raises LabError where apt knows no Debian.
    """
    chosen = os.environ.get("FERRY_LAB_MIRROR")
    if chosen:
        return chosen
    if "ID=debian" in Path("/etc/os-release").read_text().splitlines():
        for url in _debian_main_urls(APT_FOLDER):
            return url
    raise LabError(
        "this machine's apt sources name no Debian mirror: set FERRY_LAB_MIRROR to the URL of one"
    )


def _debian_main_urls(apt: Path) -> Iterator[str]:
    deb822 = sorted(apt.glob("sources.list.d/*.sources"))
    one_line = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list"))]
    for path in deb822:
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            yield from _from_stanza(stanza)
    for path in one_line:
        if path.exists():
            for line in path.read_text().splitlines():
                yield from _from_line(line)


def _from_stanza(stanza: str) -> Iterator[str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.lower()
            fields[name] = value.strip()
    if "deb" not in fields.get("types", "").split() or fields.get("enabled") == "no":
        return
    for url in fields.get("uris", "").split():
        yield from _if_debian(url, fields.get("suites", "").split(), fields.get("components", ""))


def _from_line(line: str) -> Iterator[str]:
    found = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)", line.strip())
    if found:
        yield from _if_debian(found[1], [found[2]], found[3])


def _if_debian(url: str, suites: list[str], components: str) -> Iterator[str]:
    # Debian's own suite is the plain codename; security and third parties have none of it.
    codename = _codename()
    plain = codename in suites or "stable" in suites
    is_debian = re.search(r"/debian/?$", url) is not None
    if plain and is_debian and "main" in components.split():
        yield url


def _codename() -> str:
    found = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return found[1] if found else ""
