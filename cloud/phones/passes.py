"""The passes of a telephone that can keep no key: signed here ahead of time, with the key that is held for it."""

from msgspec import Struct

from cloud.phones.store import Phone
from cloud.web.qr import draw
from contract.cose import key_id_of
from contract.passes import pack_short, pass_text, short_bytes_to_sign
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


def slots_ahead(phone: Phone, held: DeviceKey, now_ms: int) -> list[Slot]:
    """The passes of the next minutes, the one for now first."""
    name, now_s = key_id_of(phone.key), now_ms // 1000
    moments = range(now_s, now_s + SLOT_S * SLOTS, SLOT_S)
    signed = ((at_s, held.sign(short_bytes_to_sign(at_s))) for at_s in moments)
    return [Slot(at_s, pass_text(pack_short(name, at_s, signature))) for at_s, signature in signed]
