"""The catalog's files: bytes in, hash, range out."""
