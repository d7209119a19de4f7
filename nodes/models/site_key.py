"""The site's own SSH key pair; inventory/site_key.py makes, encrypts and decrypts it."""

from __future__ import annotations

from django.db import models


class SiteKey(models.Model):
    public_key = models.TextField()
    encrypted_private_key = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.public_key
