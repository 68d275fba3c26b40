"""One zone as a device knows it: its own passages lie over the news, and what others may do is in doubt."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.occupancy import FRESH_MS, Whereabouts, ZoneCount
from contract.zone_news import Named, ZoneNews, pack_names
from edge.counting import counter as module
from edge.counting.counter import AWAITED_MS, OwnPassage, ZoneCounter

ANNA, BEN, CARL = (bytes([number]) * 8 for number in (1, 2, 3))
NOW_MS = 1_800_000_000_000
NEWS = ZoneNews(zone="gym", number=NOW_MS, issued_ms=NOW_MS, seen={}, inside=5)


def came(number: int, holder: bytes = b"", *, ago_ms: int = 0) -> OwnPassage:
    return OwnPassage(number, NOW_MS + 1_000 - ago_ms, 1, 0, 0 if holder else 1, holder)


def left(number: int, holder: bytes = b"") -> OwnPassage:
    return came(number, holder)._replace(inside=-1)


def counted(zone: ZoneCounter, limit: int = 0, holder: bytes = b"", after_ms: int = 0) -> ZoneCount | None:
    return zone.count(limit, holder, after_ms, NOW_MS + after_ms)


def test_nothing_is_known_before_the_first_news() -> None:
    zone = ZoneCounter()
    zone.passed(came(1, ANNA))
    assert counted(zone, 40) is None
    assert zone.whereabouts(BEN) == Whereabouts(None)
    assert zone.whereabouts(ANNA) == Whereabouts(True, NOW_MS + 1_000), "that was seen here"
    zone.take(NEWS, 0, 0)
    assert counted(zone) == ZoneCount(6, 0, 0, is_fresh=True)


def test_own_passages_lie_over_the_news() -> None:
    zone = ZoneCounter()
    zone.take(NEWS, 0, 0)
    for one in (came(1, ANNA), came(2, BEN), left(3, ANNA), left(4)):
        zone.passed(one)
    assert counted(zone) == ZoneCount(5, 0, 1, is_fresh=True)
    zone.take(replace(NEWS, inside=6), 2, 0)
    assert counted(zone) == ZoneCount(4, 0, 1, is_fresh=True)
    zone.take(replace(NEWS, inside=4, names_doubt=1), 4, 0)
    assert counted(zone) == ZoneCount(4, 0, 1, is_fresh=True)


def test_news_is_fresh_for_two_minutes() -> None:
    """On the monotonic clock since it came; and one that somebody kept is as old as it was when it came."""
    zone = ZoneCounter()
    zone.take(NEWS, 0, 0)
    fresh = [zone.is_fresh(mono_ms, NOW_MS + mono_ms) for mono_ms in (0, FRESH_MS - 1, FRESH_MS)]
    assert fresh == [True, True, False]
    assert zone.is_fresh(FRESH_MS - 1, None) is False, "the clock is unset"
    assert zone.is_fresh(FRESH_MS - 1, NOW_MS - 60_000), "the device's clock runs late"
    zone.take(NEWS, 0, 50_000)
    assert not zone.is_fresh(50_001, NOW_MS + FRESH_MS)
    zone.take(NEWS, 0, None)
    assert not zone.is_fresh(0, NOW_MS)


def test_place_is_promised_to_one_device_only() -> None:
    """Two free places, one for each device: the other's is taken for filled, and in doubt."""
    zone = ZoneCounter()
    zone.take(replace(NEWS, inside=38, room=1), 0, 0)
    assert counted(zone, 40) == ZoneCount(39, 1, 0, is_fresh=True)
    zone.passed(came(1, ANNA))
    assert counted(zone, 40) == ZoneCount(40, 1, 0, is_fresh=True)
    zone.passed(left(2, ANNA))
    assert counted(zone, 40) == ZoneCount(39, 1, 0, is_fresh=True)


def test_who_was_let_in_takes_a_place() -> None:
    """Three badge before the first has turned the arm. Who badges once more does not stand in their own way, and who
    did not pass is not waited for."""
    zone = ZoneCounter()
    zone.take(replace(NEWS, inside=38, room=2), 0, 0)
    zone.let_in(ANNA, 0)
    zone.let_in(BEN, 0)
    assert [counted(zone, 40, who) for who in (CARL, ANNA)] == [
        ZoneCount(40, 0, 0, is_fresh=True),
        ZoneCount(39, 0, 0, is_fresh=True),
    ]
    zone.did_not_pass(BEN)
    zone.passed(came(1, ANNA))
    assert counted(zone, 40, CARL) == ZoneCount(39, 0, 0, is_fresh=True)
    zone.let_in(BEN, 0)
    assert counted(zone, 40, CARL, AWAITED_MS) == ZoneCount(39, 0, 0, is_fresh=True)


def test_room_was_counted_since_it_happened() -> None:
    """What was recorded before a person counted the room, or emptied it, changes no count any more; it has used a
    place all the same."""
    zone = ZoneCounter()
    zone.passed(came(1, ANNA, ago_ms=60_000))
    zone.take(replace(NEWS, room=3, counted_ms=NOW_MS - 30_000), 0, 0)
    assert counted(zone, 8) == ZoneCount(6, 1, 0, is_fresh=True)
    assert zone.whereabouts(ANNA).is_inside
    zone.take(replace(NEWS, room=3, counted_ms=NOW_MS, emptied_ms=NOW_MS), 0, 0)
    assert zone.whereabouts(ANNA).is_inside is False
    assert counted(zone) == ZoneCount(5, 0, 0, is_fresh=True)


def test_whereabouts_are_told_by_news_and_door() -> None:
    zone = ZoneCounter()
    zone.take(replace(NEWS, names=pack_names([Named(ANNA, 90), Named(BEN, 5)])), 0, 0)
    assert zone.whereabouts(ANNA) == Whereabouts(True, NOW_MS - 90_000)
    assert zone.whereabouts(CARL) == Whereabouts(False)
    zone.passed(left(1, ANNA))
    assert zone.whereabouts(ANNA) == Whereabouts(False, NOW_MS + 1_000)
    zone.take(replace(NEWS, names=None), 1, 0)
    assert zone.whereabouts(ANNA) == Whereabouts(None), "too many are inside to name them"


def test_many_own_passages_are_joined() -> None:
    zone, most = ZoneCounter(), module.MAX_OWN
    zone.take(NEWS, 0, 0)
    for number in range(1, most + 100):
        zone.passed(came(number, ANNA) if number % 2 else left(number, ANNA))
    known = zone.known
    assert len(zone.own) == most
    assert sum(one.inside for one in zone.own) == 1
    zone.take(NEWS, 0, 0)
    assert zone.known.inside == known.inside


passages = st.lists(st.tuples(st.sampled_from([-1, 1]), st.sampled_from([ANNA, BEN, b""])), max_size=30)


@given(passages, st.lists(st.integers(0, 30), max_size=5))
def test_no_passage_counts_twice_or_never(passed: list[tuple[int, bytes]], seen: list[int]) -> None:
    """Whenever the cloud has counted up to some row, news and own passages make what truly happened."""
    zone, start = ZoneCounter(), 100
    zone.take(replace(NEWS, inside=start), 0, 0)
    for number, (inside, holder) in enumerate(passed, 1):
        zone.passed(OwnPassage(number, NOW_MS + number, inside, 0, 0, holder))
    true = start + sum(inside for inside, _ in passed)
    for upto in sorted(seen):
        told = start + sum(inside for inside, _ in passed[:upto])
        zone.take(replace(NEWS, inside=told), upto, 0)
        assert zone.known.inside == true
        assert [one.number for one in zone.own] == list(range(upto + 1, len(passed) + 1))
