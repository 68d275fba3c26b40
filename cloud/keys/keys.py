"""The cloud's secrets, one file each, readable by their owner alone.

``roster.key`` signs rosters, ``config.key`` desired documents and ``command.key`` commands. ``digest.key`` turns card
numbers into digests, ``store.key`` encrypts card numbers in the database, and ``enrol.key`` opens what devices sealed
of cards that are enrolled. ``export.key`` signs what is given to an authority, ``pass.key`` the passes that telephones
carry, and ``sync/NAME.key`` is shared with one device.
Every file is 32 bytes as one line of hex text.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contract.cose import PassKey
from contract.sealing import KEY_BYTES, CommandKey, ConfigKey, DigestKey, EnrolKey, ExportKey, RosterKey, SyncKey

NONCE_BYTES = 12
_ROLES = ("roster", "digest", "store")
_LATER_ROLES = ("config", "command", "enrol", "export", "pass")
"""A folder may be older than these: it gets them when it is opened. Nothing that is stored rests on them, and a device
that knows another key says so."""


class KeysUnusable(Exception):
    """A key is missing, damaged or open to others. The text names the file and the cure."""


class NumberSeal:
    """The cipher of card numbers in the database (AES-256-GCM). What is sealed about one card opens for no other."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, text: str, about: bytes) -> bytes:
        """The text, encrypted and bound to what it is about (the credential's digest)."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), about)

    def open(self, sealed: bytes, about: bytes) -> str:
        """Raises ``KeysUnusable`` if the bytes were sealed with another key or about something else."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about).decode()
        except (InvalidTag, ValueError):
            raise KeysUnusable("store.key does not open a stored card number: is it this database's key?") from None


class KeyFolder:
    """The folder of the cloud's keys. Opening it reads and checks the key of every role."""

    def __init__(self, folder: Path) -> None:
        """Raises ``KeysUnusable``."""
        self.folder = folder
        roster, digest, store = (read_secret(folder / f"{role}.key") for role in _ROLES)
        for role in _LATER_ROLES:
            _make_once(folder / f"{role}.key")
        config, command, enrol, export, carried = (read_secret(folder / f"{role}.key") for role in _LATER_ROLES)
        self.roster = RosterKey.from_bytes(roster)
        self.config = ConfigKey.from_bytes(config)
        self.command = CommandKey.from_bytes(command)
        self.enrol = EnrolKey.from_bytes(enrol)
        self.export = ExportKey.from_bytes(export)
        self.passes = PassKey.from_bytes(carried)
        self.digest = DigestKey(digest)
        self.numbers = NumberSeal(store)
        self._sync: dict[str, tuple[tuple[int, int], SyncKey]] = {}
        """Each with what tells its file from the next: another process replaces it when a Pi is replaced."""

    @classmethod
    def create(cls, folder: Path) -> "KeyFolder":
        """Make every key anew. Raises ``KeysUnusable`` if the folder exists: old keys are never overwritten."""
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            raise KeysUnusable(f"{folder} exists: its keys belong to a community") from None
        for role in _ROLES:
            write_secret(folder / f"{role}.key", secrets.token_bytes(KEY_BYTES))
        (folder / "sync").mkdir(mode=0o700)
        return cls(folder)

    def make_sync(self, device: str) -> SyncKey:
        """The device's sync key, made if it has none."""
        key = self.sync(device)
        if key is None:
            key = SyncKey(secrets.token_bytes(KEY_BYTES))
            write_secret(self._sync_file(device), key)
        return key

    def sync(self, device: str) -> SyncKey | None:
        """The device's sync key, or None before ``make_sync``. Raises ``KeysUnusable``."""
        file = self._sync_file(device)
        try:
            status = file.stat()
        except FileNotFoundError:
            return None
        version = status.st_ino, status.st_mtime_ns
        cached = self._sync.get(device)
        if cached is None or cached[0] != version:
            cached = self._sync[device] = version, SyncKey(read_secret(file))
        return cached[1]

    def renew_sync(self, device: str) -> SyncKey:
        """Another sync key for a device: what its predecessor acknowledged with is good for nothing any more."""
        write_secret(self._sync_file(device), secrets.token_bytes(KEY_BYTES))
        return self.make_sync(device)

    def forget_sync(self, device: str) -> None:
        self._sync_file(device).unlink(missing_ok=True)

    def hand_out(self, device: str, folder: Path) -> None:
        """Write what the device needs of the cloud into its folder of keys. Raises ``OSError``."""
        handed = {
            "digest.key": self.digest,
            "sync.key": self.make_sync(device),
            "roster.pub": self.roster.public(),
            "config.pub": self.config.public(),
            "command.pub": self.command.public(),
        }
        for file, key in handed.items():
            write_secret(folder / file, key)

    def _sync_file(self, device: str) -> Path:
        return self.folder / "sync" / f"{device}.key"


def write_secret(file: Path, secret: bytes) -> None:
    """Write 32 bytes as hex text that only its owner may read, whole or not at all."""
    write_private(file, secret.hex() + "\n")


def write_private(file: Path, text: str) -> None:
    """Write what only its owner may read, whole or not at all. Raises ``OSError``."""
    _draft(file, text).replace(file)


def _draft(file: Path, text: str) -> Path:
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    return draft


def _make_once(file: Path) -> None:
    """Make a key unless there is one; of two processes that do so at once, both use the first one's."""
    if file.exists():
        return
    draft = _draft(file, secrets.token_hex(KEY_BYTES) + "\n")
    with suppress(FileExistsError):
        file.hardlink_to(draft)
    draft.unlink()


def read_secret(file: Path) -> bytes:
    """The 32 bytes of a key's file. Raises ``KeysUnusable``."""
    try:
        open_to_others = file.stat().st_mode & 0o077
        text = file.read_text()
    except FileNotFoundError:
        raise KeysUnusable(f"{file} is missing: put it back from your backup") from None
    except (OSError, UnicodeDecodeError) as wrong:
        raise KeysUnusable(f"{file} cannot be read: {wrong}") from None
    if open_to_others:
        raise KeysUnusable(f"{file} is open to others: chmod 600 {file}")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeysUnusable(f"{file} holds no key of {KEY_BYTES} bytes: put it back from your backup")
    return key
