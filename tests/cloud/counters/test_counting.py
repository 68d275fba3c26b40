"""Passages become counts: exactly once, at the zone of their point, and in doubt where somebody may have slipped by."""

import pytest

from cloud.counters.service import BadNumber, NotCounted
from cloud.counters.store import list_people
from cloud.devices.quarantine import list_quarantined
from contract.decide import DAY_MS, HOUR_MS, Mode, Trust
from contract.occupancy import MAX_INSIDE
from contract.zone_news import Named, unpack_names
from tests.cloud.support.counted import ANNA, BEN, CARL, EAST, GYM, WEST, CountedGym
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import NOW_MS, Town


@pytest.fixture
def gym(town: Town) -> CountedGym:
    return CountedGym(town)


def test_passages_are_counted_at_both_ways(gym: CountedGym) -> None:
    gym.passes(ANNA)
    gym.passes(BEN, at=WEST)
    gym.passes(ANNA, "out", at=WEST)
    assert gym.inside() == (1, 0, 0)
    news = gym.news()[EAST]
    assert [one.holder for one in unpack_names(news.names or b"")] == [BEN]
    assert {device: seen.seq for device, seen in news.seen.items()} == {EAST: 1, WEST: 2}


def test_passage_that_is_sent_again_counts_once(gym: CountedGym) -> None:
    gym.passes(ANNA)
    gym.passes(BEN)
    gym.town.sends(EAST, 1, 2)
    gym.town.sends(EAST, 2, 2, replay=True)
    assert gym.inside() == (2, 0, 0)


def test_unnamed_exit_leaves_names_in_doubt(gym: CountedGym) -> None:
    """Three in and two out by the free arm: one is inside for certain, and nobody knows which of the three."""
    for holder in (ANNA, BEN, CARL):
        gym.passes(holder)
    for _ in range(2):
        gym.town.happens("turnstile.exited", device=EAST)
    assert gym.inside() == (1, 0, 2)


def test_door_and_force_leave_the_count_in_doubt(gym: CountedGym) -> None:
    gym.town.happens("door.exited", device=WEST)
    gym.town.happens("turnstile.tailgated", device=EAST)
    gym.town.happens("turnstile.forced", device=EAST)
    assert gym.inside() == (2, 2, 3)


@pytest.mark.parametrize(
    "event",
    [
        ("turnstile.mode", {"mode": Mode.HOLD_OPEN.value, "number": 1}),
        ("emergency.began", {"zone": GYM, "cause": "fire", "point": ""}),
    ],
)
def test_way_that_stands_open_leaves_nothing_known(gym: CountedGym, event: tuple[str, dict[str, object]]) -> None:
    kind, data = event
    gym.passes(ANNA)
    gym.town.happens(kind, device=EAST, **data)  # type: ignore[arg-type]
    assert gym.inside() == (1, MAX_INSIDE, MAX_INSIDE)
    gym.counters.correct("steward", GYM, 4)
    assert gym.inside() == (4, 0, MAX_INSIDE), "who they are is still not known"


def test_events_that_no_disk_took_are_in_doubt(gym: CountedGym) -> None:
    gym.passes(ANNA)
    gym.town.happens("device.unlogged", device=EAST, point="", count=3, first_ms=1, last_ms=2)
    gym.town.happens("device.unlogged", device="east-gate", point="", count=9, first_ms=1, last_ms=2)
    assert gym.inside() == (1, 3, 3)


def test_lost_rows_leave_nothing_known(gym: CountedGym) -> None:
    """A journal was full, and gave up rows: passages may have been among them, until somebody counts the room."""
    gym.passes(ANNA)
    gym.town.now_ms += 60_000
    sender = gym.town.senders[EAST]
    sender.record(3)
    gym.town.arrives(EAST, "events", sender.sealed(2, 4, [sender.gap(2, 3), sender.rows[3]]))
    assert gym.inside() == (1, 0, 0)
    gym.counters.look()
    assert gym.inside() == (1, MAX_INSIDE, MAX_INSIDE)
    gym.town.now_ms += 60_000
    gym.counters.empty("steward", GYM)
    gym.counters.look()
    assert gym.inside() == (0, 0, 0)


def test_device_counts_at_its_own_points_only(gym: CountedGym) -> None:
    """A device that lies names another's point, a zone that is not its own, and a kind that its point is not of."""
    gym.town.happens("access.passed", device="east-gate", point=EAST, holder=ANNA.hex(), direction="in")
    gym.town.happens("access.passed", device="east-gate", holder=ANNA.hex(), direction="in")
    gym.town.happens("emergency.began", device="east-gate", point="", zone=GYM, cause="fire")
    gym.town.happens("turnstile.exited", device=WEST)
    assert gym.inside() == (0, 0, 0)


def test_people_are_not_counted_among_cars(gym: CountedGym) -> None:
    with gym.town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE zones SET counts = 'vehicles' WHERE name = ?", (GYM,))
    gym.passes(ANNA)
    assert gym.inside() == (0, 0, 0)


def test_late_passage_changes_no_newer_count(gym: CountedGym) -> None:
    """Somebody counted the room at noon. What a device had recorded before then was in the room already."""
    gym.town.now_ms += HOUR_MS
    gym.counters.correct("steward", GYM, 5)
    gym.passes(ANNA, at=WEST, at_ms=gym.town.now_ms - 60_000)
    gym.passes(BEN, at=WEST)
    assert gym.inside() == (6, 0, 0)
    assert [one.holder for one in unpack_names(gym.news()[EAST].names or b"")] == [ANNA, BEN]


def test_passage_that_was_overtaken_moves_nobody_back(gym: CountedGym) -> None:
    """She went in at one turnstile and out at the other; what the first recorded comes last."""
    gym.town.now_ms += HOUR_MS
    gym.passes(ANNA, "out", at=WEST)
    gym.passes(ANNA, at=EAST, at_ms=gym.town.now_ms - 60_000)
    assert unpack_names(gym.news()[EAST].names or b"") == []


def test_clock_that_is_unset_counts_by_arrival(gym: CountedGym) -> None:
    gym.town.happens("access.passed", device=EAST, clock=Trust.UNSET, at_ms=1, holder=ANNA.hex(), direction="in")
    assert gym.inside() == (1, 0, 0)
    assert unpack_names(gym.news()[EAST].names or b"") == [Named(ANNA, 0)]


def test_zone_is_empty_at_night(town: Town) -> None:
    gym = CountedGym(town)
    gym.passes(ANNA)
    gym.town.happens("turnstile.forced", device=EAST)
    gym.town.now_ms += DAY_MS
    gym.counters.look()
    assert gym.inside() == (0, 0, 0)
    assert unpack_names(gym.news()[EAST].names or b"") == []
    gym.passes(BEN)
    gym.town.now_ms += HOUR_MS
    gym.counters.look()
    assert gym.inside() == (1, 0, 0)


def test_cars_stay_overnight_and_leave_no_trace(town: Town) -> None:
    """What is counted at night is not reset; a day after a car has left nobody knows that it was there."""
    gym = CountedGym(town)
    gym.passes(ANNA)
    gym.passes(BEN)
    gym.passes(BEN, "out")
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE zones SET counts = 'vehicles' WHERE name = ?", (GYM,))
    town.now_ms += DAY_MS + 1
    gym.counters.look()
    assert gym.inside() == (1, 0, 0)
    with town.store.reading() as connection:
        assert [one.holder for one in list_people(connection, SITE, GYM, only_inside=False)] == [ANNA]


def test_first_count_is_unknown(town: Town) -> None:
    gym = CountedGym(town)
    with town.store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM zone_counts")
    gym.counters.look()
    assert gym.inside() == (0, MAX_INSIDE, MAX_INSIDE)


def test_closing_time_tells_of_who_is_inside(town: Town) -> None:
    """It closes at 17:00; it is 16:00 in Shanghai. A cloud that was away tells of it no more."""
    gym = CountedGym(town, closes="17:00")
    gym.passes(ANNA)
    town.now_ms += HOUR_MS + 60_000
    for _ in range(2):
        gym.counters.look()
    assert gym.audited()[-1] == ("clock", "zone.still_inside")
    assert gym.audited().count(("clock", "zone.still_inside")) == 1
    town.now_ms = NOW_MS + DAY_MS + 2 * HOUR_MS
    gym.counters.look()
    assert gym.audited().count(("clock", "zone.still_inside")) == 1


def test_person_is_reset_by_an_operator(gym: CountedGym) -> None:
    gym.passes(ANNA)
    gym.counters.forget("gate", GYM, ANNA)
    gym.counters.forget("gate", GYM, BEN)
    assert unpack_names(gym.news()[EAST].names or b"") == []
    assert gym.audited()[-1] == ("gate", "zone.person_reset")
    assert gym.audited().count(("gate", "zone.person_reset")) == 1, "nobody knew where the other was"
    gym.counters.empty("gate", GYM)
    assert gym.inside() == (0, 0, 0)
    assert gym.audited()[-1] == ("gate", "zone.emptied")


def test_what_cannot_be_counted_is_refused(gym: CountedGym) -> None:
    for wrong in (-1, MAX_INSIDE + 1):
        with pytest.raises(BadNumber):
            gym.counters.correct("steward", GYM, wrong)
    for zone in ("estate", "nowhere"):
        with pytest.raises(NotCounted):
            gym.counters.correct("steward", zone, 1)
    assert ("steward", "zone.counted") not in gym.audited()


def test_room_is_agreed_by_its_device_alone(gym: CountedGym) -> None:
    gym.agrees("east-gate", 1)
    gym.town.arrives(EAST, "room", b'{"zone":"gym","division":1}\nAAAA')
    with gym.town.store.reading() as connection:
        found = {one.device: one.why for one in list_quarantined(connection)}
    assert found == {"east-gate": "bad_request", EAST: "bad_seal"}
