"""What the database keeps of the secret of a login, of a link or of somebody's page."""

import hashlib


def secret_hash(secret: str) -> bytes:
    """A plain hash, 32 bytes: secrets are random and long, so a stolen database opens nothing."""
    return hashlib.sha256(secret.encode()).digest()
