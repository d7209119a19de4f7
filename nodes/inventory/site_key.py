"""Keep the site's SSH key pair, encrypted under the site's secret key."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction

from nodes.models import SiteKey
from nodes.problem import FerryError
from nodes.ssh.key_pair import KeyPair, generate_key_pair


class SiteKeyUnreadable(FerryError):
    code = "site_key_unreadable"


def load_site_key() -> KeyPair:
    """Return the key pair, made at first use.

    Raises SiteKeyUnreadable when it was encrypted under another secret key.
    """
    row = SiteKey.objects.order_by("pk").first() or _make()
    try:
        private_key = _cipher().decrypt(bytes(row.encrypted_private_key)).decode()
    except InvalidToken as error:
        raise SiteKeyUnreadable(
            "The site's SSH key cannot be decrypted.",
            cause="FERRY_SECRET_KEY is not the one that it was encrypted with.",
            remedy="Start the site with its former secret key.",
        ) from error
    return KeyPair(public_key=row.public_key, private_key=private_key)


@transaction.atomic
def _make() -> SiteKey:
    pair = generate_key_pair("ferry")
    SiteKey.objects.get_or_create(
        pk=1,
        defaults={
            "public_key": pair.public_key,
            "encrypted_private_key": _cipher().encrypt(pair.private_key.encode()),
        },
    )
    return SiteKey.objects.get(pk=1)


def _cipher() -> Fernet:
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"ferry site key").derive(
        settings.SECRET_KEY.encode()
    )
    return Fernet(base64.urlsafe_b64encode(key))
