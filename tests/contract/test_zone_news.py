"""The news of a zone as it travels: who is inside, and what is no news."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import Malformed, read, write
from contract.messages import MAX_PAYLOAD_BYTES
from contract.zone_news import MAX_NAMED, Named, ZoneNews, pack_names, unpack_names
from tests.contract import golden

NEWS = golden.MESSAGES["zone-1.json"]
names = st.lists(st.builds(Named, st.binary(min_size=8, max_size=8), st.integers(0, 0xFFFF)), max_size=20)


@given(names)
def test_names_are_read_as_packed(named: list[Named]) -> None:
    packed = pack_names(named)
    assert packed is not None
    assert unpack_names(packed) == named


def test_long_stays_are_cut_to_a_day() -> None:
    packed = pack_names([Named(bytes(8), 10**9), Named(bytes(8), -5)])
    assert packed is not None
    assert [one.ago_s for one in unpack_names(packed)] == [0xFFFF, 0]


def test_full_news_fits_sixty_four_kibibytes() -> None:
    """A thousand people are 14 KiB; with more than fit the news says only how many."""
    everybody = [Named(number.to_bytes(8, "big"), 60) for number in range(MAX_NAMED + 1)]
    full = ZoneNews(zone="hall", number=1, issued_ms=1, seen={}, inside=MAX_NAMED, names=pack_names(everybody[:-1]))
    assert len(write(full)) < 64 * 1024 < MAX_PAYLOAD_BYTES
    assert pack_names(everybody) is None
    thousand = ZoneNews(zone="hall", number=1, issued_ms=1, seen={}, inside=1_000, names=pack_names(everybody[:1_000]))
    assert len(write(thousand)) < 14 * 1024


@pytest.mark.parametrize("size", [1, 9, 11])
def test_half_a_name_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="whole names"):
        unpack_names(bytes(size))


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": 1 << 49},
        {"issued_ms": -1},
        {"inside": -1},
        {"inside": 1_000_000},
        {"count_doubt": "2"},
        {"zone": "../gym"},
        {"zone": ""},
        {"seen": {"gym-1": ["0123456789abcdef", -1]}},
        {"seen": {"gym-1": ["nonsense", 1]}},
        {"seen": {"gym-1": ["0123456789abcdef"]}},
        {"seen": {f"gym-{number}": ["0123456789abcdef", 1] for number in range(201)}},
        {"names": "A" * 65_536},
        {"names": "not base64"},
        {"room": 200_000},
        {"room": 1.5},
        {"division": -1},
        {"asks": 1},
        {"version": 2},
    ],
)
def test_what_is_no_news_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        read(json.dumps(json.loads(write(NEWS)) | changes).encode(), ZoneNews)
