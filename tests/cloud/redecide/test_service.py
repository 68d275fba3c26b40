"""The cloud goes over what arrived, a piece at a time, and remembers where it was and what came of it."""

import pytest
from sqlalchemy import insert, select, update

from cloud.keys.keys import KeyFolder
from cloud.people.tables import rosters
from cloud.redecide import service, store
from cloud.redecide.rule import NOWHERE, Redecided, Why
from cloud.redecide.service import RedecideService, redecide_all
from cloud.retention.rule import DEFAULT_DAYS
from cloud.retention.service import RetentionService
from cloud.store.database import Store
from cloud.store.schema import events
from contract.decide import DAY_MS, Facts, Request, Trust
from contract.events import encode_event
from contract.reasons import Reason
from contract.recorded_facts import InUse
from tests.cloud.support.ingest_world import NOW_MS, World
from tests.cloud.support.redecided import POINT, decision_event, without_roster
from tests.cloud.support.sender import SITE, Sender, event

ALL_SAME = (Redecided.SAME, None)
DIFFERENT = (Redecided.DIFFERENT, None)
LATER = (Redecided.HINDSIGHT_UNKNOWN, Why.ROSTER_GONE)


class Gym:
    """A device without a roster, its cloud, and what looks after it."""

    def __init__(self, world: World) -> None:
        self.world, self.store = world, world.store
        self.device = world.add(Sender())
        self.service = RedecideService(world.store, SITE)

    def decides(self, *said: Reason) -> None:
        """It sends decisions; all but ``no_roster`` follow from another rule than ours."""
        first = len(self.device.rows) + 1
        for reason in said:
            seq = len(self.device.rows) + 1
            self.device.keep(encode_event(without_roster(self.world.now_ms, reason, seq)))
        self.world.take(self.device, self.device.events(first, len(self.device.rows)))

    def counts(self) -> store.Tally:
        with self.store.reading() as connection:
            return store.counts_of(connection, SITE)

    def listed(self) -> list[store.Disagreement]:
        with self.store.reading() as connection:
            return [one.difference for one in store.list_differences(connection, SITE, None, 100)]


@pytest.fixture
def gym(store: Store, keys: KeyFolder) -> Gym:
    return Gym(World(store, keys))


def test_difference_is_counted_and_listed(gym: Gym) -> None:
    gym.decides(Reason.NO_ROSTER, Reason.ALLOWED, Reason.NO_ROSTER)
    gym.service.look()
    assert gym.counts() == {ALL_SAME: 2, DIFFERENT: 1, LATER: 3}
    (found,) = gym.listed()
    assert (found.arrival, found.device, found.point) == (2, "gym-1", POINT)
    assert (found.said, found.ours, found.received_ms) == ("allowed", "no_roster", NOW_MS)
    with gym.store.reading() as connection:
        assert store.differing_devices(connection, SITE, NOW_MS) == {"gym-1": 1}
        assert store.differing_devices(connection, SITE, NOW_MS + 1) == {}


def test_each_event_is_looked_at_once(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """In steps of two, and by a cloud that starts again in between."""
    monkeypatch.setattr(service, "AT_ONCE", 2)
    gym.decides(*[Reason.NO_ROSTER] * 5)
    assert gym.service.step()
    RedecideService(gym.store, SITE).look()
    gym.service.look()
    assert gym.counts()[ALL_SAME] == 5
    gym.decides(Reason.NO_ROSTER)
    assert not gym.service.step()
    assert gym.counts()[ALL_SAME] == 6
    assert not gym.service.step()


def test_one_look_ends_while_more_waits(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 1)
    monkeypatch.setattr(service, "STEPS_AT_ONCE", 2)
    gym.decides(*[Reason.NO_ROSTER] * 3)
    gym.service.look()
    assert gym.counts()[ALL_SAME] == 2


def test_other_events_are_passed_over(gym: Gym) -> None:
    gym.device.keep(encode_event(event(1, "door.forced")))
    gym.world.take(gym.device, gym.device.events(1, 1))
    gym.service.look()
    assert gym.counts() == {}
    with gym.store.reading() as connection:
        assert store.marked(connection, SITE) == 1


def test_deleted_events_cost_no_steps(gym: Gym) -> None:
    gym.decides(Reason.NO_ROSTER)
    with gym.store.writing() as connection:
        connection.execute(update(events).values(arrival=1_000_000))
    assert not gym.service.step()
    assert gym.counts()[ALL_SAME] == 1


def test_spoilt_row_stops_nothing(gym: Gym) -> None:
    gym.decides(Reason.NO_ROSTER, Reason.NO_ROSTER)
    with gym.store.writing() as connection:
        connection.execute(update(events).where(events.c.arrival == 1).values(stored=b"?"))
    gym.service.look()
    assert gym.counts()[Redecided.NOT_JUDGED, Why.UNREADABLE] == 1
    assert gym.counts()[ALL_SAME] == 1


def test_only_so_many_differences_are_listed(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_DIFFERENCES", 2)
    gym.decides(*[Reason.ALLOWED] * 3)
    gym.service.look()
    gym.decides(Reason.ALLOWED)
    gym.service.look()
    assert [one.arrival for one in gym.listed()] == [4, 3]
    assert gym.counts()[DIFFERENT] == 4


def test_roster_is_needed_while_events_name_it(gym: Gym) -> None:
    """Also where they cannot be decided again."""
    with gym.store.writing() as connection:
        old = {"site_pages": {}, "root": b"", "count": 0, "revision": 1, "issued_ms": 5, "needed_ms": 9}
        connection.execute(insert(rosters), [{"number": number, **old} for number in (3, 4, 5)])
    facts = Facts(NOWHERE, Trust.SYNCED, 0, 60_000)
    by_3 = decision_event(Request(POINT, bytes(16)), [], facts, NOW_MS, InUse(3, b"ab"))
    gym.device.keep(encode_event(by_3))
    gym.device.keep(encode_event(event(2, reason="busy", roster=4, rule=4)))
    gym.world.take(gym.device, gym.device.events(1, 2))
    gym.service.look()
    with gym.store.reading() as connection:
        found = connection.execute(select(rosters.c.number, rosters.c.needed_ms).order_by(rosters.c.number)).all()
    assert found == [(3, NOW_MS), (4, NOW_MS), (5, 9)]


def test_difference_goes_with_its_event(gym: Gym) -> None:
    retention = RetentionService(gym.store, SITE, lambda: gym.world.now_ms, lambda: gym.world.now_ms)
    assert retention.step() == 0
    gym.decides(Reason.ALLOWED)
    gym.service.look()
    for days, left in ((DEFAULT_DAYS["events"], 1), (1, 0)):
        gym.world.now_ms += days * DAY_MS
        while retention.step():
            pass
        assert len(gym.listed()) == left
    assert gym.counts()[DIFFERENT] == 1


def test_run_over_everything_writes_nothing(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 2)
    monkeypatch.setattr(service, "LISTED", 1)
    gym.decides(Reason.ALLOWED, Reason.NO_ROSTER, Reason.BUSY, Reason.NO_ROSTER)
    run = redecide_all(gym.store, SITE)
    assert run.tally == {ALL_SAME: 2, DIFFERENT: 2, LATER: 4}
    assert [one.said for one in run.differences] == ["busy"]
    assert (gym.counts(), gym.listed()) == ({}, [])
