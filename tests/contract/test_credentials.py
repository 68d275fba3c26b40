import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.credentials import (
    FORMATS,
    KEYS,
    MAX_FRAME_BITS,
    SWAPPED_FRAMES,
    Candidate,
    Format,
    canonical,
    encode,
    forms,
    key_pressed,
    read,
)

WITH_PARITY = [layout for layout in FORMATS.values() if layout.parities]

GYM_FOB = "10001010100111110000100100"
"""A capture by a user of one reader: H10301, facility 21, card 15890."""

FOB_26, FOB_34 = "11101000111100010010011010", "0000000001101000111100010010011011"
"""One fob at two readers, in 26-bit and in 34-bit mode: 0xD1E24D in both."""

frames = st.text("01", min_size=1, max_size=MAX_FRAME_BITS)


def inverted(frame: str) -> str:
    return frame.translate(str.maketrans("01", "10"))


def flipped(frame: str, index: int) -> str:
    return frame[:index] + inverted(frame[index]) + frame[index + 1 :]


def first_bits(octets: str, count: int) -> str:
    return f"{int(octets, 16):0{4 * len(octets)}b}"[:count]


def card(frame: str, name: str) -> Candidate:
    return next(candidate for candidate in read(frame).candidates if candidate.format == name)


def width(span: tuple[int, int]) -> int:
    return span[1] - span[0] + 1


@st.composite
def cards(draw: st.DrawFn, layouts: tuple[Format, ...] = tuple(FORMATS.values())) -> tuple[Format, int | None, int]:
    layout = draw(st.sampled_from(layouts))
    facility = None if layout.facility is None else draw(st.integers(0, (1 << width(layout.facility)) - 1))
    return layout, facility, draw(st.integers(0, (1 << width(layout.number)) - 1))


def frame_of(layout: Format, facility: int | None, number: int) -> str:
    return encode(layout.name, number=number, facility=facility)


@pytest.mark.parametrize(
    ("frame", "facility", "number"),
    [
        (GYM_FOB, 21, 15890),
        (FOB_26, 0xD1, 0xE24D),
        (first_bits("80803380", 26), 1, 103),
        (first_bits("80803340", 26), 1, 102),
        (first_bits("80804000", 26), 1, 128),
    ],
)
def test_a_captured_26_bit_frame_reads_as_its_card(frame: str, facility: int, number: int) -> None:
    reading = read(frame)
    assert reading.candidates == (Candidate("H10301", facility, number, "ok"),)
    assert reading.valid
    assert not reading.swapped_wires
    assert encode("H10301", facility=facility, number=number) == frame


def test_a_captured_34_bit_frame_holds_the_number_of_its_26_bit_twin() -> None:
    assert card(FOB_34, "H10306") == Candidate("H10306", 0x00D1, 0xE24D, "ok")
    assert encode("H10306", facility=0x00D1, number=0xE24D) == FOB_34


def test_a_37_bit_frame_has_two_readings_that_parity_cannot_tell_apart() -> None:
    frame = encode("H10304", facility=0x8001, number=0x40001)
    whole = (0x8001 << 19) | 0x40001
    assert read(frame).candidates == (
        Candidate("H10302", None, whole, "ok"),
        Candidate("H10304", 0x8001, 0x40001, "ok"),
    )
    assert read(frame, ["H10304"]).candidates == (Candidate("H10304", 0x8001, 0x40001, "ok"),)


@pytest.mark.parametrize(
    ("name", "facility", "number", "frame"),
    [
        # Worked by hand from the masks: bit 2 even, then the last bit odd, then bit 1 odd over all the rest.
        ("C1k35s", 0, 0, "0" + "0" + "0" * 32 + "1"),
        ("C1k35s", 0, 1, "1" + "1" + "0" * 31 + "1" + "0"),
        ("C1k35s", 0xFFF, 0xFFFFF, "1" + "0" + "1" * 32 + "0"),
        ("C1k48s", 0, 0, "0" + "0" + "0" * 45 + "1"),
        ("C1k48s", 0, 1, "0" + "1" + "0" * 44 + "1" + "1"),
    ],
)
def test_corporate_1000_parity_is_computed_in_its_order(name: str, facility: int, number: int, frame: str) -> None:
    assert encode(name, facility=facility, number=number) == frame


@given(cards())
def test_every_card_reads_back_from_its_frame(drawn: tuple[Format, int | None, int]) -> None:
    layout, facility, number = drawn
    parity = "ok" if layout.parities else "none"
    assert card(frame_of(*drawn), layout.name) == Candidate(layout.name, facility, number, parity)


@given(cards(tuple(WITH_PARITY)), st.data())
def test_no_single_wrong_bit_passes_parity(drawn: tuple[Format, int | None, int], data: st.DataObject) -> None:
    """True of 35 and 48 bits too: there the first parity covers every other bit."""
    frame = frame_of(*drawn)
    wrong = flipped(frame, data.draw(st.integers(0, len(frame) - 1)))
    assert all(candidate.parity == "failed" for candidate in read(wrong).candidates)
    assert not read(wrong).valid
    assert canonical(wrong) is None


@given(cards(tuple(WITH_PARITY)))
def test_swapped_wires_are_seen_in_every_format_with_parity(drawn: tuple[Format, int | None, int]) -> None:
    frame = frame_of(*drawn)
    assert read(inverted(frame)).fits_swapped
    assert not read(inverted(frame)).valid
    assert not read(frame).fits_swapped


@given(st.lists(cards(tuple(WITH_PARITY)).map(lambda drawn: frame_of(*drawn)), min_size=1, max_size=8, unique=True))
def test_swapped_wires_need_several_different_frames(frames: list[str]) -> None:
    *earlier, last = map(inverted, frames)
    assert read(last, earlier=earlier * 2).swapped_wires == (len(frames) >= SWAPPED_FRAMES)
    assert not read(last, earlier=[*earlier, inverted(last)]).swapped_wires


@pytest.mark.parametrize("raw", [0x061EE3085D, 0x0EA63EAAA4, 0x0EA648BAD4])
def test_card_of_an_unknown_format_is_not_swapped(raw: int) -> None:
    """Three cards of one batch of the 37-bit format P10004 (RfidResearchGroup/proxmark3#1559): one fits by luck."""
    assert not read(format(raw & (1 << 37) - 1, "037b")).swapped_wires


@given(cards((FORMATS["H10301"], FORMATS["H10306"], FORMATS["C1k48s"])), st.data())
def test_one_wrong_bit_is_not_taken_for_swapped_wires(
    drawn: tuple[Format, int | None, int], data: st.DataObject
) -> None:
    """In 37 and 35 bits some bits stand under every parity, so there a single wrong one may look the same."""
    frame = frame_of(*drawn)
    assert not read(flipped(frame, data.draw(st.integers(0, len(frame) - 1)))).fits_swapped


@given(cards((FORMATS["UID4"], FORMATS["UID7"], FORMATS["UID10"])))
def test_a_frame_without_parity_says_nothing_of_the_wires(drawn: tuple[Format, int | None, int]) -> None:
    assert not read(frame_of(*drawn)).fits_swapped


@pytest.mark.parametrize("frame", [GYM_FOB[:25], GYM_FOB + "0", GYM_FOB + "1", FOB_34[:33]])
def test_a_frame_one_bit_short_or_long_is_no_card(frame: str) -> None:
    reading = read(frame)
    assert (reading.candidates, reading.valid, reading.swapped_wires) == ((), False, False)
    assert canonical(frame) is None


@pytest.mark.parametrize("bit", "01")
def test_a_34_bit_frame_one_bit_long_is_a_broken_35_bit_card(bit: str) -> None:
    assert [(found.format, found.parity) for found in read(FOB_34 + bit).candidates] == [("C1k35s", "failed")]
    assert canonical(FOB_34 + bit) is None


@given(frames)
def test_any_row_of_bits_can_be_read(frame: str) -> None:
    reading = read(frame)
    assert reading.bits == len(frame)
    assert (canonical(frame) is not None) == reading.valid


@pytest.mark.parametrize("frame", ["", "0" * (MAX_FRAME_BITS + 1), "0" * 100_000, "01012", "١٠", "0b01", " 01", "-1"])
def test_what_no_reader_sends_is_refused_by_name(frame: str) -> None:
    with pytest.raises(ValueError, match="a frame"):
        read(frame)
    with pytest.raises(ValueError, match="a frame"):
        canonical(frame)
    assert key_pressed(frame) is None


@given(frames)
def test_only_valid_frames_stand_for_a_card_and_each_length_for_its_own(frame: str) -> None:
    stands_for = canonical(frame)
    if stands_for is not None:
        assert stands_for[0] == {34: 32}.get(len(frame), len(frame))


def test_the_bytes_that_stand_for_a_card_never_change() -> None:
    """Every digest of every roster is made of these."""
    assert canonical(GYM_FOB) == bytes.fromhex("1a 153e12")
    assert canonical(FOB_34) == bytes.fromhex("20 00d1e24d")
    assert canonical(encode("H10302", number=0x7_0000_0001)) == bytes.fromhex("25 0700000001")
    assert canonical(encode("C1k35s", facility=0xABC, number=0x12345)) == bytes.fromhex("23 abc12345")
    assert canonical(encode("C1k48s", facility=0x2ABCDE, number=0x412345)) == bytes.fromhex("30 155e6f412345")
    assert canonical(encode("UID7", number=0x04A1B2C3D4E5F6)) == bytes.fromhex("38 04a1b2c3d4e5f6")
    assert canonical(encode("UID10", number=1)) == bytes.fromhex("50 00000000000000000001")


@given(st.integers(0, (1 << 32) - 1))
def test_a_34_bit_frame_and_the_raw_uid_it_wraps_are_one_card(uid: int) -> None:
    wrapped = encode("H10306", facility=uid >> 16, number=uid & 0xFFFF)
    assert canonical(wrapped) == canonical(encode("UID4", number=uid))


@given(st.integers(0, (1 << 32) - 1))
def test_a_corporate_card_is_not_the_uid_of_the_same_bits(number: int) -> None:
    corporate = encode("C1k35s", facility=number >> 20, number=number & 0xFFFFF)
    assert canonical(corporate) != canonical(encode("UID4", number=number))


@given(st.integers(0, (1 << 24) - 1))
def test_a_26_bit_card_is_not_the_34_bit_card_of_the_same_number(number: int) -> None:
    short = encode("H10301", facility=number >> 16, number=number & 0xFFFF)
    long = encode("H10306", facility=number >> 16, number=number & 0xFFFF)
    assert canonical(short) != canonical(long)


@given(st.integers(0, (1 << 35) - 1))
def test_the_two_37_bit_ways_of_writing_a_number_are_one_card(number: int) -> None:
    split = encode("H10304", facility=number >> 19, number=number & 0x7FFFF)
    assert canonical(split) == canonical(encode("H10302", number=number))


@given(cards(), cards())
def test_two_cards_of_one_format_never_stand_for_the_same(
    one: tuple[Format, int | None, int], other: tuple[Format, int | None, int]
) -> None:
    if one[0] == other[0] and one != other:
        assert canonical(frame_of(*one)) != canonical(frame_of(*other))


@pytest.mark.parametrize(
    ("name", "facility", "number", "complaint"),
    [
        ("H10301", 256, 0, "H10301 facility code must be 0 to 255, not 256"),
        ("H10301", 0, 65536, "H10301 card number must be 0 to 65535, not 65536"),
        ("H10301", -1, 0, "facility code must be 0"),
        ("H10301", 0, -1, "card number must be 0"),
        ("H10301", None, 1, "H10301 needs a facility code"),
        ("H10302", 1, 1, "H10302 has no facility code"),
        ("UID4", None, 1 << 32, "UID4 card number must be 0 to 4294967295"),
    ],
)
def test_a_number_that_does_not_fit_is_refused(name: str, facility: int | None, number: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        encode(name, facility=facility, number=number)


def test_every_format_uses_each_bit_once() -> None:
    for layout in FORMATS.values():
        fields = [span for span in (layout.facility, layout.number) if span is not None]
        used = [bit for first, last in fields for bit in range(first, last + 1)]
        used += [parity.position for parity in layout.parities]
        assert sorted(used) == list(range(1, layout.bits + 1)), layout.name


@pytest.mark.parametrize(
    ("burst", "key"),
    [("11100001", "1"), ("11110000", "0"), ("01011010", "*"), ("01001011", "#"), ("0001", "1"), ("1011", "#")],
)
def test_a_keypad_burst_is_its_key(burst: str, key: str) -> None:
    assert key_pressed(burst) == key


@pytest.mark.parametrize("low", range(len(KEYS)))
def test_both_burst_lengths_agree_on_every_key(low: int) -> None:
    nibble = f"{low:04b}"
    assert key_pressed(nibble) == key_pressed(inverted(nibble) + nibble) == KEYS[low]


@pytest.mark.parametrize(
    "burst",
    ["111000010", "111000011", "011100001", "1110000", "11100011", "00010001", "1100", "1111", "00001111", "00111100"],
)
def test_a_noisy_burst_is_no_key(burst: str) -> None:
    """A ninth bit of noise was seen on real keypads: the key is dropped, and never becomes a card."""
    assert key_pressed(burst) is None
    assert canonical(burst) is None


@given(st.text("01", min_size=8, max_size=8), st.integers(0, 7))
def test_no_single_wrong_bit_makes_a_key_of_a_burst(burst: str, index: int) -> None:
    if key_pressed(burst) is not None:
        assert key_pressed(flipped(burst, index)) is None


@given(frames)
def test_no_frame_is_both_a_key_and_a_card(frame: str) -> None:
    assert key_pressed(frame) is None or canonical(frame) is None


def test_forms_of_captured_fob_hold_short_one() -> None:
    """What the 26-bit reader sent of this fob is among the forms of what the 34-bit reader sent."""
    wide, short = canonical(FOB_34), canonical(FOB_26)
    assert wide is not None
    assert short is not None
    assert short in forms(wide)
    assert forms(short) == (short,)


@given(st.sampled_from(["UID4", "UID7", "UID10"]), st.data())
def test_forms_are_what_readers_send_of_a_uid(name: str, data: st.DataObject) -> None:
    uid = data.draw(st.binary(min_size=FORMATS[name].bits // 8, max_size=FORMATS[name].bits // 8))
    whole = canonical(encode(name, number=int.from_bytes(uid, "big")))
    assert whole is not None
    sent = set()
    for number in (uid, uid[::-1]):
        low32, low24 = int.from_bytes(number[-4:], "big"), int.from_bytes(number[-3:], "big")
        sent |= {
            canonical(encode(name, number=int.from_bytes(number, "big"))),
            canonical(encode("H10306", facility=low32 >> 16, number=low32 & 0xFFFF)),
            canonical(encode("H10301", facility=low24 >> 16, number=low24 & 0xFFFF)),
        }
    found = forms(whole)
    assert set(found) == sent
    assert len(found) == len(set(found))
    assert found[0] == whole


@given(cards(tuple(layout for layout in FORMATS.values() if layout.bits not in (32, 34, 56, 80))))
def test_card_that_is_no_uid_has_one_form(card: tuple[Format, int | None, int]) -> None:
    own = canonical(frame_of(*card))
    assert own is not None
    assert forms(own) == (own,)
