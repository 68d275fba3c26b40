"""The passes of a telephone that can keep no key: signed here ahead of time, with the key that is held for it."""

from base64 import b32encode

from msgspec import Struct

from cloud.phones.rule import key_id_of
from cloud.phones.store import Phone
from cloud.web.qr import draw
from contract.sealing import DeviceKey

ES256 = b"\x43\xa1\x01\x26"


def short_bytes_to_sign(at_s: int) -> bytes:
    """The Sig_structure of RFC 9052 over the moment of a short pass."""
    return b"\x84\x6aSignature1" + ES256 + b"\x40" + _made_at(at_s)


def pack_short(key_id: bytes, at_s: int, signature: bytes) -> str:
    """The text of a short pass."""
    made = b"\x84" + ES256 + b"\xa1\x04\x48" + key_id + _made_at(at_s) + b"\x58\x40" + signature
    return "HG1" + b32encode(made).decode().rstrip("=")


def _made_at(at_s: int) -> bytes:
    return b"\x47\xa1\x06\x1a" + at_s.to_bytes(4, "big")


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


def slots_ahead(phone: Phone, held: DeviceKey, now_ms: int) -> list[Slot]:
    """The passes of the next minutes, the one for now first."""
    name, now_s = key_id_of(phone.key), now_ms // 1000
    moments = range(now_s, now_s + SLOT_S * SLOTS, SLOT_S)
    return [Slot(at_s, pack_short(name, at_s, held.sign(short_bytes_to_sign(at_s)))) for at_s in moments]
