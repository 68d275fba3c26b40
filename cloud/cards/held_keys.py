"""The key of a telephone that opens a page of ours for the first time: its own, or one that is held for it here."""

from cloud.cards.phone_keys import BAD_KEY, BadKey, Offer, compressed, read_offer
from cloud.keys.keys import KeyFolder
from cloud.web.rejected import Rejected
from contract.sealing import DeviceKey


def key_of(offer: Offer | None, site: str, challenge: str) -> tuple[bytes, DeviceKey | None]:
    """The public half, 33 bytes, of the key that a telephone offers; one that offers none can keep none, and all of a
    key is made for it. Raises ``Rejected``."""
    if offer is None:
        held = DeviceKey.generate()
        return compressed(held.public()), held
    try:
        return read_offer(offer, site, challenge), None
    except BadKey:
        raise Rejected(BAD_KEY, "key") from None


def close_key(keys: KeyFolder, held: DeviceKey | None, name: bytes) -> bytes:
    """A key as it is stored, sealed under this name; empty where none is held."""
    return b"" if held is None else keys.numbers.close(held.to_pem().decode(), name)


def open_key(keys: KeyFolder, sealed: bytes, name: bytes) -> DeviceKey:
    """The key that was closed under this name. Raises ``KeysUnusable`` for a database of other keys."""
    return DeviceKey.from_pem(keys.numbers.open(sealed, name).encode())
