"""Backups whose key costs little to make: what a passphrase is worth is Argon2's, and no test's."""

import pytest

from cloud.backup import sealed_stream
from cloud.backup.sealed_stream import MARK, StreamHead


@pytest.fixture(autouse=True)
def cheap_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_stream, "new_head", lambda: StreamHead(MARK, "00" * 16, memory_kib=8, rounds=1, lanes=1))
