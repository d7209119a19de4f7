"""Make an SSH key pair."""

from __future__ import annotations

from dataclasses import dataclass

import asyncssh


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """Hold both halves in OpenSSH's text formats."""

    public_key: str
    private_key: str

    def __repr__(self) -> str:  # never let the private half into a log
        return f"KeyPair({self.public_key!r})"


def generate_key_pair(comment: str) -> KeyPair:
    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    return KeyPair(
        public_key=key.export_public_key().decode().strip(),
        private_key=key.export_private_key().decode(),
    )
