"""What an archive that was made elsewhere would get on a node, and who has agreed to it."""

from __future__ import annotations

import hashlib
import json

from nodes.models import Archive, ArchiveOrigin
from nodes.podman.privilege import REFUSED, Privilege, privilege


def privileges_of_archive(archive: Archive) -> list[Privilege]:
    """Return what a restore would give it beyond what an ordinary container has."""
    section = archive.sections.filter(name="privileges").first()
    if section is None:
        # Nobody has looked, or it is older than the looking.
        return [privilege("unread", archive.name, "Nobody knows what it would get.", REFUSED)]
    found: list[Privilege] = section.data
    return found


def refused_privileges(archive: Archive) -> list[Privilege]:
    """Return those with which an archive that was made elsewhere is never restored."""
    return [found for found in privileges_of_archive(archive) if found["risk"] == REFUSED]


def must_be_confirmed(archive: Archive) -> bool:
    """Tell whether somebody has to see the privileges before the archive may be restored."""
    return archive.origin == ArchiveOrigin.UPLOAD


def privileges_digest(archive: Archive) -> str:
    """Return what stands for having seen the privileges of just these bytes."""
    seen = json.dumps(privileges_of_archive(archive), sort_keys=True)
    return hashlib.sha256(f"{archive.sha256} {seen}".encode()).hexdigest()[:16]
