"""The passes of a telephone that can keep no key: signed here ahead of time, with the key that is held for it."""

from collections.abc import Iterator

from msgspec import Struct

from cloud.web.qr import draw
from contract.cose import key_id_of
from contract.passes import pack_short, pack_shown, pass_text, short_bytes_to_sign
from contract.sealing import DeviceKey

SLOT_S = 20
"""A door takes a pass that is up to 60 s old."""
SLOTS = 30
"""Ten minutes; then the page asks for the next."""


class Slot(Struct, frozen=True):
    """A pass that counts from a moment on (UTC seconds)."""

    at_s: int
    text: str

    @property
    def drawn(self) -> str:
        return draw(self.text)


def slots_ahead(key: bytes, held: DeviceKey, now_ms: int) -> list[Slot]:
    """The passes of the next minutes of the telephone with this public key, the one for now first."""
    return [Slot(at_s, pass_text(short)) for at_s, short in _shorts_ahead(key, held, now_ms)]


def carried_ahead(carried: bytes, key: bytes, held: DeviceKey, now_ms: int) -> list[Slot]:
    """The same of a pass that the cloud has signed for it."""
    return [Slot(at_s, pass_text(pack_shown(carried, short))) for at_s, short in _shorts_ahead(key, held, now_ms)]


def _shorts_ahead(key: bytes, held: DeviceKey, now_ms: int) -> Iterator[tuple[int, bytes]]:
    name, now_s = key_id_of(key), now_ms // 1000
    for at_s in range(now_s, now_s + SLOT_S * SLOTS, SLOT_S):
        yield at_s, pack_short(name, at_s, held.sign(short_bytes_to_sign(at_s)))
