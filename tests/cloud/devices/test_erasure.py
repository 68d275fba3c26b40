"""Events without their person: what stays is shown, and the chain goes on over it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.devices.erasure import decode_stored, erase, is_event, read_erased
from contract.codec import Malformed
from contract.decide import Trust
from contract.events import CHAIN_START, Event, chain, decode_event, encode_event, gap_event

DATA = {"holder": "0011223344556677", "digest": "ab", "direction": "in"}
PASSED = Event(7, 3, 4, "b7", Trust.SYNCED, "gym", "access.passed", DATA)
LINK = bytes(range(32))


@given(st.dictionaries(st.sampled_from(["holder", "digest", "by", "reason", "direction"]), st.text(max_size=4)))
def test_person_and_card_are_gone(data: dict[str, str]) -> None:
    stored = encode_event(Event(7, 3, 4, "b7", Trust.SYNCED, "gym", "access.passed", dict(data)))
    rest = decode_stored(erase(stored, LINK))
    assert rest.data == {name: value for name, value in data.items() if name in ("reason", "direction")}
    assert (rest.seq, rest.at_ms, rest.kind) == (7, 3, "access.passed")


@pytest.mark.parametrize("previous", [LINK, CHAIN_START, None])
def test_links_stand_for_the_bytes(previous: bytes | None) -> None:
    stored = encode_event(PASSED)
    erased = read_erased(erase(stored, previous))
    assert erased is not None
    assert erased.previous == previous
    assert erased.link == (None if previous is None else chain(previous, stored))
    assert erased.was(stored)
    assert erased.was(b"other") is (previous is None)


def test_whole_event_is_not_erased() -> None:
    stored = encode_event(PASSED)
    assert read_erased(stored) is None
    assert decode_stored(stored) == decode_event(stored)


def test_what_is_no_event_is_left() -> None:
    """A gap names nobody, and bytes that were spoilt cannot be read."""
    assert is_event(encode_event(PASSED))
    spoilt, gap = b"\x01", encode_event(gap_event(PASSED, 5, LINK, "full"))
    assert not any(is_event(stored) for stored in (spoilt, gap, erase(encode_event(PASSED), LINK)))
    with pytest.raises(Malformed):
        decode_stored(spoilt)
