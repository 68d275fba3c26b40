"""A device's keys: one folder of small files that nobody else may read.

The device makes its own key at its first start. The others come from the cloud when it is registered; until they are
there the device runs, refuses every card, and says why.
"""

import stat
from pathlib import Path

from msgspec import Struct

from contract.sealing import (
    KEY_BYTES,
    CommandVerifier,
    ConfigVerifier,
    DeviceKey,
    DigestKey,
    RosterVerifier,
    SyncKey,
)
from edge.machine.files import write_whole
from edge.machine.mendable import Mendable


class IdentityError(Mendable):
    """A key file is not as it must be; the text names it and the cure."""


class Registration(Struct, frozen=True):
    """What the cloud hands out: the site's digest key, this device's sync key, the public halves of the role keys.

    A device that was registered by an older cloud has no ``config`` and no ``command`` key, and takes no modes and no
    commands until it is registered again.
    """

    digest_key: DigestKey
    sync_key: SyncKey
    roster: RosterVerifier
    config: ConfigVerifier | None = None
    command: CommandVerifier | None = None


class Identity:
    """The keys of one device. ``registration`` is None until the cloud has handed its keys out."""

    def __init__(self, folder: Path) -> None:
        """Read the keys, making the device's own if there is none. Raises ``IdentityError``."""
        self._folder = folder
        self.device_key = own_key(folder)
        self.registration = self._registration()

    @property
    def public_key(self) -> str:
        """The public half of the device's key as hex: what it is registered with."""
        return self.device_key.public().hex()

    def _registration(self) -> Registration | None:
        names = ("digest.key", "sync.key", "roster.pub")
        missing = [name for name in names if not (self._folder / name).exists()]
        if len(missing) == len(names):
            return None
        if missing:
            raise IdentityError(f"{self._folder}: {', '.join(missing)} missing; register the device again")
        digest, sync, roster = map(self._key, names)
        # Older clouds did not hand these two out.
        config, command = ((self._folder / name).exists() for name in ("config.pub", "command.pub"))
        return Registration(
            DigestKey(digest),
            SyncKey(sync),
            RosterVerifier(roster),
            ConfigVerifier(self._key("config.pub")) if config else None,
            CommandVerifier(self._key("command.pub")) if command else None,
        )

    def _key(self, name: str) -> bytes:
        path = self._folder / name
        try:
            key = bytes.fromhex(_read_private(path).decode("ascii").strip())
        except ValueError:
            key = b""
        except OSError as wrong:
            raise IdentityError(f"{path}: {wrong.strerror}") from None
        if len(key) != KEY_BYTES:
            raise IdentityError(f"{path}: not {KEY_BYTES} bytes written as hex; register the device again")
        return key


def own_key(folder: Path) -> DeviceKey:
    """The device's own key, made if there is none. Raises ``IdentityError``."""
    path = folder / "device.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_whole(path, DeviceKey.generate().to_pem())
        return DeviceKey.from_pem(_read_private(path))
    except ValueError as wrong:
        raise IdentityError(f"{path}: {wrong}; move it away, and register the device anew") from None
    except OSError as wrong:
        raise IdentityError(f"{path}: {wrong.strerror}; give the folder to the user of the agent") from None


def _read_private(path: Path) -> bytes:
    """Raises ``IdentityError`` if others can read it."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise IdentityError(f"{path}: others can read it; chmod 600 {path}")
    return path.read_bytes()
