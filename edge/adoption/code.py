"""The nonce of an adoption's code: made for a day, kept while the device waits, gone when it has been adopted.

A code that lasted as long as the key could be read off a label long before, and a key to match it be looked for until
the day on which the operator types it.
"""

import os
from pathlib import Path

from msgspec import Struct

from contract import codec
from contract.adoption import CODE_LASTS_MS, NONCE_BYTES
from edge.machine.files import read_checked, write_checked

FILE = "adoption.json"


class StoredNonce(Struct, frozen=True):
    """``nonce`` is hex text."""

    nonce: str
    made_ms: int


def current_nonce(folder: Path, now_ms: int) -> bytes:
    """The nonce that stands, or a new one if there is none or it is older than a day. Raises ``OSError``."""
    stored = _read(folder / FILE)
    if stored is not None and 0 <= now_ms - stored.made_ms < CODE_LASTS_MS:
        return bytes.fromhex(stored.nonce)
    nonce = os.urandom(NONCE_BYTES)
    write_checked(folder / FILE, codec.write(StoredNonce(nonce.hex(), now_ms)))
    return nonce


def forget_nonce(folder: Path) -> None:
    """The code is good no more. Raises ``OSError``."""
    (folder / FILE).unlink(missing_ok=True)


def _read(file: Path) -> StoredNonce | None:
    """What was kept; a file that is damaged is as good as none. Raises ``OSError``."""
    try:
        stored = codec.read(read_checked(file), StoredNonce)
        return stored if len(bytes.fromhex(stored.nonce)) == NONCE_BYTES else None
    except (FileNotFoundError, ValueError):  # Malformed is a ValueError
        return None
