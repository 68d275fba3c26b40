"""What a reader sends: Wiegand card frames, raw UIDs and keypad bursts, with exact parity.

Layouts and masks: Proxmark3's published table of Wiegand formats; bit 1 is the bit sent first.
"""

import base64
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

MAX_FRAME_BITS = 80
"""The longest frame any known reader sends: a 10-byte UID. Anything longer is noise."""
SWAPPED_FRAMES = 4
"""So many different frames, all of which fit only with D0 and D1 exchanged, prove it. One of them proves nothing: of
noise, and of cards of a format that is not known here, one in four fits so by luck."""


class Parity(Struct, frozen=True):
    """One parity bit: its own position, 1-based, and as masks over a frame's whole number that ``bit`` and what it is
    ``over``."""

    position: int
    odd: bool
    bit: int
    over: int

    def holds(self, value: int) -> bool:
        return (value & (self.bit | self.over)).bit_count() & 1 == self.odd


class Format(Struct, frozen=True):
    """A frame layout: 1-based inclusive bit ranges of its fields, bit 1 being the highest of the frame's whole number.
    ``facility`` is None where it has none.

    ``parities`` stand in the order in which they are computed: a later one may cover an earlier one.
    """

    name: str
    bits: int
    number: tuple[int, int]
    facility: tuple[int, int] | None = None
    parities: tuple[Parity, ...] = ()


def _span(bits: int, first: int, last: int) -> int:
    return (1 << bits - first + 1) - (1 << bits - last)


def _parity(bits: int, position: int, over: int, *, odd: bool) -> Parity:
    return Parity(position, odd, 1 << bits - position, over)


def _halves(name: str, bits: int, facility: tuple[int, int] | None, number: tuple[int, int]) -> Format:
    """The classic layout: even parity over the first half, odd over the last (they share the middle if odd)."""
    covered = bits // 2
    even = _parity(bits, 1, _span(bits, 2, covered + bits % 2), odd=False)
    odd = _parity(bits, bits, _span(bits, bits - covered + 1 - bits % 2, bits - 1), odd=True)
    return Format(name, bits, number, facility, (even, odd))


_C35_EVEN, _C35_ODD = 0b00110110110110110110110110110110110, 0b01101101101101101101101101101101100
_C48_EVEN = 0b000110110110110110110110110110110110110110110110
_C48_ODD = 0b001101101101101101101101101101101101101101101100

FORMATS: dict[str, Format] = {
    layout.name: layout
    for layout in (
        _halves("H10301", 26, (2, 9), (10, 25)),
        _halves("H10306", 34, (2, 17), (18, 33)),
        _halves("H10302", 37, None, (2, 36)),
        _halves("H10304", 37, (2, 17), (18, 36)),
        Format(
            "C1k35s",
            35,
            (15, 34),
            (3, 14),
            (
                _parity(35, 2, _C35_EVEN, odd=False),
                _parity(35, 35, _C35_ODD, odd=True),
                _parity(35, 1, _span(35, 2, 35), odd=True),
            ),
        ),
        Format(
            "C1k48s",
            48,
            (25, 47),
            (3, 24),
            (
                _parity(48, 2, _C48_EVEN, odd=False),
                _parity(48, 48, _C48_ODD, odd=True),
                _parity(48, 1, _span(48, 2, 48), odd=True),
            ),
        ),
        Format("UID4", 32, (1, 32)),
        Format("UID7", 56, (1, 56)),
        Format("UID10", 80, (1, 80)),
    )
}

KEYS = "0123456789*#"


class Candidate(Struct, frozen=True):
    """One way to read a frame. ``parity`` is ``ok``, ``failed`` or ``none`` (the format has no parity)."""

    format: str
    facility: int | None
    number: int
    parity: str


class Reading(Struct, frozen=True):
    """What a frame may mean. ``fits_swapped``: every parity of this frame would pass with D0 and D1 exchanged; in every
    format here one parity spans an odd number of bits, so no frame passes both ways. ``swapped_wires``: so would
    ``SWAPPED_FRAMES`` different ones in a row, this one among them.
    """

    bits: int
    candidates: tuple[Candidate, ...]
    fits_swapped: bool
    swapped_wires: bool

    @property
    def valid(self) -> bool:
        return any(candidate.parity != "failed" for candidate in self.candidates)


def check_bits(frame: str) -> None:
    """Raise ``ValueError`` unless the frame is a row of 0 and 1 of a length a reader can send."""
    if not frame or frame.strip("01"):
        raise ValueError("a frame is written as 0 and 1, bit 1 first")
    if len(frame) > MAX_FRAME_BITS:
        raise ValueError(f"a frame has at most {MAX_FRAME_BITS} bits, this one has {len(frame)}")


def read(frame: str, formats: Iterable[str] = FORMATS, earlier: Iterable[str] = ()) -> Reading:
    """Every reading of a frame among the named formats. ``earlier`` are what the same reader sent just before.

    Raises ``ValueError`` for what is no frame at all, ``KeyError`` for a format that is not in ``FORMATS``.
    """
    check_bits(frame)
    layouts = [FORMATS[name] for name in formats]
    candidates = tuple(_candidate(layout, int(frame, 2)) for layout in layouts if layout.bits == len(frame))
    different = {frame, *earlier}
    proven = len(different) >= SWAPPED_FRAMES and all(_fits_swapped(layouts, other) for other in different)
    return Reading(len(frame), candidates, _fits_swapped(layouts, frame), proven)


def encode(format_name: str, *, number: int, facility: int | None = None) -> str:
    """The frame a reader sends for a card.

    Raises ``ValueError`` where a number does not fit its field, ``KeyError`` for a format that is not in ``FORMATS``.
    """
    layout = FORMATS[format_name]
    if (facility is None) != (layout.facility is None):
        raise ValueError(f"{format_name} {'has no' if layout.facility is None else 'needs a'} facility code")
    value = _placed(layout, layout.number, number, f"{format_name} card number")
    if layout.facility is not None and facility is not None:
        value |= _placed(layout, layout.facility, facility, f"{format_name} facility code")
    for parity in layout.parities:
        value |= 0 if parity.holds(value) else parity.bit
    return f"{value:0{layout.bits}b}"


_RAW_FORM = {"H10306": "UID4"}
"""A reader in 34-bit mode wraps a 4-byte UID in two parity bits: it is the same card."""


class _Canonical(NamedTuple):
    """How a card of a layout is called: the length it counts as, then the bits between its parities, which stand in one
    row in every layout."""

    parities: tuple[Parity, ...]
    length: bytes
    shift: int
    mask: int
    bytes: int

    @classmethod
    def of(cls, layout: Format) -> "_Canonical":
        walls = [0, *sorted(parity.position for parity in layout.parities), layout.bits + 1]
        ((first, last),) = [(before + 1, after - 1) for before, after in pairwise(walls) if after - before > 1]
        length = FORMATS[_RAW_FORM.get(layout.name, layout.name)].bits
        width = last - first + 1
        return cls(layout.parities, bytes([length]), layout.bits - last, (1 << width) - 1, (width + 7) // 8)


_OF_LENGTH = {
    bits: [_Canonical.of(layout) for layout in FORMATS.values() if layout.bits == bits]
    for bits in range(1, MAX_FRAME_BITS + 1)
}
"""Worked out once: every card at the door is weighed by its ``canonical`` form."""


def canonical(frame: str) -> bytes | None:
    """The bytes that stand for a card in every digest: its frame's length, then its whole number without parity.

    None if the frame is no valid card: a length nobody knows, or a failed parity. A 34-bit frame counts as the raw
    32-bit UID it wraps; H10302 and H10304 differ only in how people write the number. A Corporate 1000 card has 32 bits
    without parity too, but is another card than the UID of that number. Raises ``ValueError`` like ``read``.
    """
    check_bits(frame)
    value = int(frame, 2)
    for form in _OF_LENGTH[len(frame)]:
        if _intact(form.parities, value):
            return form.length + (value >> form.shift & form.mask).to_bytes(form.bytes, "big")
    return None


_UID_BITS = {FORMATS[name].bits for name in ("UID4", "UID7", "UID10")}
_DERIVED_BITS = (FORMATS["UID4"].bits, FORMATS["H10301"].bits)


def forms(card: bytes) -> tuple[bytes, ...]:
    """The canonical bytes of every form in which readers report a card, its own first.

    Readers send a UID whole, or as a number's lowest 32 bits (a 34-bit frame) or lowest 24 bits (a 26-bit frame); and
    makes differ in which end of the UID is the number's high one. Of a card that came as 26 bits, or in a format that
    is no UID, nothing else can be known.
    """
    length, uid = card[0], card[1:]
    if length not in _UID_BITS:
        return (card,)
    found = [card]
    for number in (uid, uid[::-1]):
        found.append(bytes([length]) + number)
        found += [bytes([bits]) + number[-(bits // 8) :] for bits in _DERIVED_BITS if bits <= length]
    return tuple(dict.fromkeys(found))


def code_credential(digits: str) -> bytes:
    """The canonical bytes of a code that is keyed. No card has them, nor those of a plate, token, phone or pass: a
    card's begin with the length of its frame, and no frame has as many bits as the first letter counts."""
    return b"code:" + digits.encode()


def plate_credential(text: str) -> bytes:
    """The canonical bytes of a vehicle's plate. Raises ``ValueError`` for what is none."""
    return b"plate:" + normal_plate(text).encode()


def token_credential(token: bytes) -> bytes:
    """The canonical bytes of a printed token (16 bytes)."""
    return b"token:" + token


def phone_credential(key_id: bytes) -> bytes:
    """The canonical bytes of a phone, by the id of its key (8 bytes)."""
    return b"phone:" + key_id


def pass_credential(pass_id: bytes) -> bytes:
    """The canonical bytes of a carried pass, by its id (8 bytes)."""
    return b"pass:" + pass_id


_BETWEEN = str.maketrans("", "", " ·.-_")
_READ_ALIKE = str.maketrans("OI", "01")
_PROVINCIAL = re.compile(r"[\u4e00-\u9fff][A-Z][A-Z0-9]{4,5}[A-Z0-9\u4e00-\u9fff]")
_OTHER_PLATE = re.compile(r"[A-Z0-9\u4e00-\u9fff]{4,10}")


def normal_plate(text: str) -> str:
    """A plate as every camera and clerk means it: in capitals, without what stands between its parts. Where it begins
    with a province the second place is a letter; from the third on, and on any other plate, an O is a 0 and an I a 1.
    So a plate of 7 places, or 8 of a new-energy vehicle. Raises ``ValueError`` for what is no plate."""
    plain = unicodedata.normalize("NFKC", text).upper().translate(_BETWEEN)
    province, rest = plain[:2], plain[2:].translate(_READ_ALIKE)
    if province and not province.isascii():
        plate, form = province.translate(str.maketrans("01", "OI")) + rest, _PROVINCIAL
    else:
        plate, form = province.translate(_READ_ALIKE) + rest, _OTHER_PLATE
    if not form.fullmatch(plate):
        raise ValueError(f"a plate has 7 or 8 letters and digits behind its province, not {text[:20]!r}")
    return plate


TOKEN_BYTES = 16
TOKEN_MARK = "HGT"  # noqa: S105 - how a printed token begins
"""Behind it stands the token in base32: capitals and digits, which no keyboard layout changes."""


def token_text(token: bytes) -> str:
    """What is printed for a token of 16 random bytes: 29 characters."""
    return TOKEN_MARK + base64.b32encode(token).decode().rstrip("=")


def read_token(text: str) -> bytes:
    """The token in a text that was scanned. Raises ``ValueError`` for what is none."""
    try:
        token = base64.b32decode(text.removeprefix(TOKEN_MARK) + "======")
    except ValueError:
        token = b""
    if len(token) != TOKEN_BYTES or token_text(token) != text:
        raise ValueError(f"a token is {TOKEN_MARK} and 26 capitals and digits, not {text[:20]!r}")
    return token


def is_copyable(card: bytes) -> bool:
    """Whether any shop copies the card with these canonical bytes: it says 26 bits, or a bare serial number."""
    return card[0] in _UID_BITS or card[0] == FORMATS["H10301"].bits


def key_pressed(frame: str) -> str | None:
    """The key of a 4-bit or 8-bit keypad burst (``0``-``9``, ``*``, ``#``), or None if the burst is not one.

    The high nibble of an 8-bit burst is the complement of the low one.
    """
    if len(frame) not in (4, 8) or set(frame) - {"0", "1"}:
        return None
    low = int(frame[-4:], 2)
    is_burst = low < len(KEYS) and (len(frame) == 4 or int(frame[:4], 2) == 15 - low)
    return KEYS[low] if is_burst else None


def _candidate(layout: Format, value: int) -> Candidate:
    parity = "none" if not layout.parities else "ok" if _intact(layout.parities, value) else "failed"
    facility = None if layout.facility is None else _field(layout, layout.facility, value)
    return Candidate(layout.name, facility, _field(layout, layout.number, value), parity)


def _intact(parities: Iterable[Parity], value: int) -> bool:
    for parity in parities:  # noqa: SIM110 - all() takes twice as long, and somebody waits at the door
        if not parity.holds(value):
            return False
    return True


def _fits_swapped(layouts: Iterable[Format], frame: str) -> bool:
    """Whether a frame is intact in one of the layouts with D0 and D1 exchanged."""
    bits = len(frame)
    exchanged = int(frame, 2) ^ (1 << bits) - 1
    return any(_intact(layout.parities, exchanged) for layout in layouts if layout.parities and layout.bits == bits)


def _field(layout: Format, span: tuple[int, int], value: int) -> int:
    first, last = span
    return value >> layout.bits - last & (1 << last - first + 1) - 1


def _placed(layout: Format, span: tuple[int, int], value: int, what: str) -> int:
    width = span[1] - span[0] + 1
    if not 0 <= value < 1 << width:
        raise ValueError(f"{what} must be 0 to {(1 << width) - 1}, not {value}")
    return value << layout.bits - span[1]
