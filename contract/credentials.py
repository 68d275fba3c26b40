"""What a reader sends: Wiegand card frames, raw UIDs and keypad bursts, with exact parity.

Layouts and masks: Proxmark3's published table of Wiegand formats; bit 1 is the bit sent first.
"""

from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct

MAX_FRAME_BITS = 80
"""The longest frame any known reader sends: a 10-byte UID. Anything longer is noise."""
SWAPPED_FRAMES = 4
"""So many different frames, all of which fit only with D0 and D1 exchanged, prove it. One of them proves nothing: of
noise, and of cards of a format that is not known here, one in four fits so by luck."""


class Parity(Struct, frozen=True):
    """One parity bit: its own position, 1-based, and the positions it covers as a mask whose lowest bit is bit 1."""

    bit: int
    odd: bool
    over: int

    def expected(self, frame: str) -> str:
        ones = (int(frame[::-1], 2) & self.over).bit_count()
        return "1" if (ones + self.odd) % 2 else "0"


class Format(Struct, frozen=True):
    """A frame layout: 1-based inclusive bit ranges of its fields. ``facility`` is None where it has none.

    ``parities`` stand in the order in which they are computed: a later one may cover an earlier one.
    """

    name: str
    bits: int
    number: tuple[int, int]
    facility: tuple[int, int] | None = None
    parities: tuple[Parity, ...] = ()


def _span(first: int, last: int) -> int:
    return (1 << last) - (1 << first - 1)


def _mask(mask: str) -> int:
    return int(mask[::-1], 2)


def _halves(name: str, bits: int, facility: tuple[int, int] | None, number: tuple[int, int]) -> Format:
    """The classic layout: even parity over the first half, odd over the last (they share the middle if odd)."""
    covered = bits // 2
    even = Parity(1, odd=False, over=_span(2, covered + bits % 2))
    odd = Parity(bits, odd=True, over=_span(bits - covered + 1 - bits % 2, bits - 1))
    return Format(name, bits, number, facility, (even, odd))


_C35_EVEN, _C35_ODD = "00110110110110110110110110110110110", "01101101101101101101101101101101100"
_C48_EVEN = "000110110110110110110110110110110110110110110110"
_C48_ODD = "001101101101101101101101101101101101101101101100"

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
                Parity(2, odd=False, over=_mask(_C35_EVEN)),
                Parity(35, odd=True, over=_mask(_C35_ODD)),
                Parity(1, odd=True, over=_span(2, 35)),
            ),
        ),
        Format(
            "C1k48s",
            48,
            (25, 47),
            (3, 24),
            (
                Parity(2, odd=False, over=_mask(_C48_EVEN)),
                Parity(48, odd=True, over=_mask(_C48_ODD)),
                Parity(1, odd=True, over=_span(2, 48)),
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
    candidates = tuple(_candidate(layout, frame) for layout in layouts if layout.bits == len(frame))
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
    frame = ["0"] * layout.bits
    _put(frame, layout.number, number, f"{format_name} card number")
    if layout.facility is not None and facility is not None:
        _put(frame, layout.facility, facility, f"{format_name} facility code")
    for parity in layout.parities:
        frame[parity.bit - 1] = parity.expected("".join(frame))
    return "".join(frame)


def _between_parities(layout: Format) -> list[tuple[int, int]]:
    """The spans of a layout's bits that are no parity."""
    walls = [0, *sorted(parity.bit for parity in layout.parities), layout.bits + 1]
    return [(before + 1, after - 1) for before, after in pairwise(walls) if after - before > 1]


_OF_LENGTH = {
    bits: [layout for layout in FORMATS.values() if layout.bits == bits] for bits in range(1, MAX_FRAME_BITS + 1)
}
_DATA = {layout.name: _between_parities(layout) for layout in FORMATS.values()}
"""Both worked out once: every card at the door is weighed by its ``canonical`` form."""

_RAW_FORM = {"H10306": "UID4"}
"""A reader in 34-bit mode wraps a 4-byte UID in two parity bits: it is the same card."""


def canonical(frame: str) -> bytes | None:
    """The bytes that stand for a card in every digest: its frame's length, then its whole number without parity.

    None if the frame is no valid card: a length nobody knows, or a failed parity. A 34-bit frame counts as the raw
    32-bit UID it wraps; H10302 and H10304 differ only in how people write the number. A Corporate 1000 card has 32 bits
    without parity too, but is another card than the UID of that number. Raises ``ValueError`` like ``read``.
    """
    check_bits(frame)
    layout = next((layout for layout in _OF_LENGTH.get(len(frame), ()) if _intact(layout, frame)), None)
    if layout is None:
        return None
    number = "".join(frame[first - 1 : last] for first, last in _DATA[layout.name])
    length = FORMATS[_RAW_FORM.get(layout.name, layout.name)].bits
    return length.to_bytes(1, "big") + int(number, 2).to_bytes((len(number) + 7) // 8, "big")


def key_pressed(frame: str) -> str | None:
    """The key of a 4-bit or 8-bit keypad burst (``0``-``9``, ``*``, ``#``), or None if the burst is not one.

    The high nibble of an 8-bit burst is the complement of the low one.
    """
    if len(frame) not in (4, 8) or set(frame) - {"0", "1"}:
        return None
    low = int(frame[-4:], 2)
    is_burst = low < len(KEYS) and (len(frame) == 4 or int(frame[:4], 2) == 15 - low)
    return KEYS[low] if is_burst else None


def _candidate(layout: Format, frame: str) -> Candidate:
    parity = "none" if not layout.parities else "ok" if _intact(layout, frame) else "failed"
    facility = None if layout.facility is None else _take(frame, layout.facility)
    return Candidate(layout.name, facility, _take(frame, layout.number), parity)


def _intact(layout: Format, frame: str) -> bool:
    return all(frame[parity.bit - 1] == parity.expected(frame) for parity in layout.parities)


def _fits_swapped(layouts: Iterable[Format], frame: str) -> bool:
    """Whether a frame is intact in one of the layouts with D0 and D1 exchanged."""
    exchanged = "".join("1" if bit == "0" else "0" for bit in frame)
    return any(_intact(layout, exchanged) for layout in layouts if layout.parities and layout.bits == len(frame))


def _take(frame: str, span: tuple[int, int]) -> int:
    return int(frame[span[0] - 1 : span[1]], 2)


def _put(frame: list[str], span: tuple[int, int], value: int, what: str) -> None:
    width = span[1] - span[0] + 1
    if not 0 <= value < 1 << width:
        raise ValueError(f"{what} must be 0 to {(1 << width) - 1}, not {value}")
    frame[span[0] - 1 : span[1]] = f"{value:0{width}b}"
