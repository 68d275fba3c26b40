"""Old records go a few at a time; what is left is whole, and nothing newer is lost."""

import itertools
import shutil
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from cloud.charging.tables import sessions
from cloud.devices.tables import certificates, quarantine
from cloud.keys.keys import KeyFolder
from cloud.retention import store as rows
from cloud.retention.rule import DEFAULT_DAYS, Anchor
from cloud.retention.service import BadTerm, RetentionService
from cloud.retention.tables import event_weeks
from cloud.store.database import connect
from cloud.store.schema import breaks, clock_fixes, events, journals
from cloud.web.looks import add_look, list_looks
from cloud.web.operators import first_broken_entry, list_audit, record
from contract.decide import DAY_MS
from tests.cloud.support.ingest_world import NOW_MS, World
from tests.cloud.support.sender import SITE, Sender


@pytest.fixture
def retention(world: World) -> RetentionService:
    service = RetentionService(world.store, SITE, lambda: world.now_ms, lambda: world.now_ms)
    assert service.step() == 0
    return service


def run(retention: RetentionService) -> int:
    """Until nothing is due: the rows of each step."""
    count = 0
    while step := retention.step():
        assert step <= rows.MAX_ROWS
        count += step
    return count


def held(world: World) -> list[tuple[int, int]]:
    with world.store.reading() as connection:
        found = connection.execute(select(events.c.arrival, events.c.received_ms).order_by(events.c.arrival))
        return [(row.arrival, row.received_ms) for row in found]


def broken(world: World) -> dict[str, str]:
    with world.store.reading() as connection:
        return rows.broken_journals(connection, SITE)


def send(world: World, sender: Sender, count: int = 1) -> None:
    first = len(sender.rows) + 1
    sender.record(count)
    world.take(sender, sender.events(first, first + count - 1))


def test_events_go_after_their_term(world: World, gym: Sender, retention: RetentionService) -> None:
    """A day earlier nothing goes; then the old ones do, and their weekly count stays."""
    send(world, gym, 3)
    world.now_ms += (DEFAULT_DAYS["events"] - 1) * DAY_MS
    send(world, gym, 2)
    run(retention)
    assert len(held(world)) == 5
    world.now_ms += DAY_MS + 1
    run(retention)
    assert [arrival for arrival, _ in held(world)] == [4, 5]
    with world.store.reading() as connection:
        (week,) = connection.execute(select(event_weeks)).all()
    assert (week.site, week.kind, week.reason, week._mapping["count"]) == (
        SITE,
        "access.refused",
        "unknown_credential",
        3,
    )
    assert NOW_MS - week.week_ms < 7 * DAY_MS
    assert broken(world) == {}


def test_newest_event_stays(world: World, gym: Sender, retention: RetentionService) -> None:
    """However old it is: the next arrival number is counted from it, and streams find their place by it."""
    send(world, gym, 4)
    world.now_ms += 10_000 * DAY_MS
    run(retention)
    assert [arrival for arrival, _ in held(world)] == [4]
    world.ingest = world.restarted()
    send(world, gym)
    assert [arrival for arrival, _ in held(world)] == [4, 5]
    assert broken(world) == {}


def test_step_deletes_few(
    world: World, gym: Sender, retention: RetentionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What several steps delete of one week is counted together."""
    monkeypatch.setattr(rows, "MAX_ROWS", 2)
    send(world, gym, 6)
    world.now_ms += 10_000 * DAY_MS
    assert [retention.step() for _ in range(4)] == [2, 2, 1, 1]  # and over the newest, which stays
    with world.store.reading() as connection:
        assert connection.execute(select(func.sum(event_weeks.c.count))).scalar_one() == 5
    assert retention.step() == 1  # a week of counts
    assert broken(world) == {}


def test_look_rests_where_nothing_is_due(world: World, gym: Sender, retention: RetentionService) -> None:
    send(world, gym, 2)
    retention.look()
    world.now_ms += DEFAULT_DAYS["events"] * DAY_MS + 1
    retention.look()
    assert [arrival for arrival, _ in held(world)] == [2]


@pytest.mark.parametrize("sql", ["UPDATE events SET stored = X'01' WHERE seq = 4", "DELETE FROM events WHERE seq = 4"])
def test_tampered_journal_is_found(world: World, gym: Sender, retention: RetentionService, sql: str) -> None:
    """Behind an anchor as well as from the first row on."""
    send(world, gym, 2)
    world.now_ms += (DEFAULT_DAYS["events"] + 1) * DAY_MS
    send(world, gym, 4)
    run(retention)
    assert broken(world) == {}
    with world.store.writing() as connection:
        connection.exec_driver_sql(sql)
    assert list(broken(world)) == [f"gym-1 {gym.journal}"]


def test_device_may_send_again_what_was_deleted(world: World, gym: Sender, retention: RetentionService) -> None:
    """Its acknowledgement was lost for half a year: it is acknowledged once more, and stored only once."""
    send(world, gym, 3)
    world.now_ms += (DEFAULT_DAYS["events"] + 1) * DAY_MS
    run(retention)
    world.acks()
    world.take(gym, gym.events(1, 3))
    assert [(ack.upto, ack.fork) for ack in world.acks()] == [(3, False)]
    assert len(held(world)) == 1
    assert broken(world) == {}


def test_what_still_runs_stays(world: World, gym: Sender, retention: RetentionService) -> None:
    """Of two sessions of four years ago the one that has ended goes."""
    values = {
        "device_id": 1,
        "point": "s",
        "kind": "ev",
        "began_by": "card",
        "told_ms": NOW_MS,
        "energy_wh": 1,
        "lasted_ms": 1,
        "interrupted": False,
        "reason": "",
        "receipt": {},
    }
    with world.store.writing() as connection:
        connection.execute(insert(sessions).values(session="open", **values))
        connection.execute(insert(sessions).values(session="over", ended_ms=NOW_MS, **values))
    world.now_ms += 4 * 365 * DAY_MS
    run(retention)
    with world.store.reading() as connection:
        assert connection.execute(select(sessions.c.session)).scalars().all() == ["open"]


def test_audit_is_whole_from_its_anchor(world: World, retention: RetentionService) -> None:
    with world.store.writing() as connection:
        for number in range(4):
            record(connection, NOW_MS + number, "ling", "door.opened")
    world.now_ms += DEFAULT_DAYS["audit"] * DAY_MS + 2
    retention.set_term("weeks", 20, "ling")
    assert run(retention) == 2
    with world.store.reading() as connection:
        anchor = rows.anchor_of(connection, SITE, rows.AUDIT)
        assert [deed.id for deed in list_audit(connection)] == [5, 4, 3]
        assert first_broken_entry(connection, anchor.upto, anchor.link or b"") is None
        assert first_broken_entry(connection) == 1


def test_looks_go_with_the_audit(world: World, retention: RetentionService) -> None:
    with world.store.writing() as connection:
        for at_ms in (NOW_MS, NOW_MS + DAY_MS):
            add_look(connection, SITE, 7, "ling", bytes(32), "damage", at_ms)
    world.now_ms += DEFAULT_DAYS["audit"] * DAY_MS + 1
    run(retention)
    with world.store.reading() as connection:
        assert [look.at_ms for look in list_looks(connection, SITE, 7)] == [NOW_MS + DAY_MS]


@pytest.mark.parametrize(
    ("what", "days"), [("events", 6), ("events", 40_000), ("doors", 100), ("quarantine", 179), ("events", 211)]
)
def test_wrong_term_changes_nothing(retention: RetentionService, world: World, what: str, days: int) -> None:
    """Nor may what is in quarantine go before the events whose chain may need it."""
    with pytest.raises(BadTerm):
        retention.set_term(what, days, "ling")
    with world.store.reading() as connection:
        assert rows.terms_of(connection, SITE) == DEFAULT_DAYS


def test_term_of_the_site_counts(world: World, gym: Sender, retention: RetentionService) -> None:
    retention.set_term("events", 8, "ling")
    send(world, gym, 2)
    world.now_ms += 8 * DAY_MS + 1
    send(world, gym)
    run(retention)
    assert [arrival for arrival, _ in held(world)] == [3]
    with world.store.reading() as connection:
        assert list_audit(connection)[0].detail == {"days": "8"}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 1), st.integers(1, 4)),
        st.tuples(st.just("poison"), st.integers(0, 1), st.integers(1, 3)),
        st.tuples(st.just("gap"), st.integers(0, 1), st.integers(1, 4)),
        st.tuples(st.just("days"), st.just(0), st.integers(1, 200)),
        st.tuples(st.just("step"), st.just(0), st.integers(1, 3)),
    ),
    max_size=12,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_comes_nothing_newer_is_lost(
    tables: Path, tmp_path_factory: pytest.TempPathFactory, keys: KeyFolder, steps: list[tuple[str, int, int]]
) -> None:
    """Events, refused ones, gaps, and deletion between them: the chains stay whole, and each event is there unless it
    was due."""
    file = shutil.copy(tables, tmp_path_factory.mktemp("world") / "cloud.db")
    store = connect(f"sqlite:///{file}")
    world = World(store, keys)
    senders = [world.add(Sender("gym-1")), world.add(Sender("gym-2", "ff112233445566aa"))]
    retention, stored = RetentionService(store, SITE, lambda: world.now_ms, lambda: world.now_ms), dict[int, int]()
    retention.step()
    for step, which, count in steps:
        sender, first = senders[which], len(senders[which].rows) + 1
        if step == "days":
            world.now_ms += count * DAY_MS
        elif step == "step":
            for _ in range(count):
                retention.step()
        elif step == "send":
            send(world, sender, count)
        else:
            for number in range(count):
                sender.keep(b"\xc1" * (number + 1))
            last = len(sender.rows)
            some = sender.rows[first - 1 :] if step == "poison" else [sender.gap(first, last)]
            world.take(sender, sender.sealed(first, last, some))
        stored |= dict(held(world))
        assert broken(world) == {}
    old_ms = world.now_ms - DEFAULT_DAYS["events"] * DAY_MS
    run(retention)
    left = dict(held(world))
    assert broken(world) == {}
    assert left == {one: at_ms for one, at_ms in stored.items() if at_ms >= old_ms or one == max(stored)}
    with store.reading() as connection:
        gone = connection.execute(select(func.coalesce(func.sum(event_weeks.c.count), 0))).scalar_one()
    assert gone + len(left) == len(stored)
    store.close()


def test_refused_row_stays_while_its_chain_does(world: World, gym: Sender, retention: RetentionService) -> None:
    """What no chain needs goes after its term."""
    world.take(gym, b"rubbish")
    gym.keep(b"\xc1")
    world.take(gym, gym.events(1, 1))
    world.now_ms += (DEFAULT_DAYS["quarantine"] + 1) * DAY_MS
    assert run(retention) == 1
    assert broken(world) == {}
    send(world, gym)
    world.now_ms += (DEFAULT_DAYS["quarantine"] + 1) * DAY_MS
    send(world, gym)
    run(retention)
    with world.store.reading() as connection:
        assert connection.execute(select(quarantine.c.id)).all() == []
    assert broken(world) == {}


def test_refused_row_without_bytes_is_said(world: World, gym: Sender, retention: RetentionService) -> None:
    """The chain cannot be followed over it, and nobody claims that it was."""
    gym.keep(b"\xc1")
    world.take(gym, gym.events(1, 1))
    send(world, gym, 2)
    assert broken(world) == {}
    with world.store.writing() as connection:
        connection.execute(update(quarantine).values(size=5_000))
    assert "cannot be followed" in broken(world)[f"gym-1 {gym.journal}"]
    world.now_ms += 10_000 * DAY_MS
    run(retention)
    with world.store.reading() as connection:
        number = connection.execute(select(journals.c.id)).scalar_one()
        assert rows.anchor_of(connection, SITE, str(number)) == Anchor(2, None)


def test_clock_that_jumps_deletes_nothing(world: World, gym: Sender, caplog: pytest.LogCaptureFixture) -> None:
    """A year ahead from one second to the next, and over a restart; the log says so once."""
    send(world, gym, 2)
    for _ in range(2):
        retention = RetentionService(world.store, SITE, lambda: world.now_ms, partial(next, itertools.count(0, 1_000)))
        assert run(retention) == 0
        world.now_ms = NOW_MS + 365 * DAY_MS
        assert run(retention) == 0
    assert len(held(world)) == 2
    assert caplog.text.count("days ahead") == 2
    retention.trust_clock()
    assert run(retention) > 0
    assert len(held(world)) == 1


def test_what_no_record_needs_goes(world: World, gym: Sender, retention: RetentionService) -> None:
    """Breaks and certificates after their terms, a clock fix once a later boot is as old as events may be; the newest
    of each device stays."""
    with world.store.writing() as connection:
        for boot, offset_ms in (("b1", NOW_MS), ("b2", NOW_MS + DAY_MS), ("b3", NOW_MS + 2 * DAY_MS)):
            values = {"device_id": 1, "boot": boot, "offset_ms": offset_ms, "error_ms": 1}
            connection.execute(insert(clock_fixes).values(values))
        for serial, ends_ms in (("01", NOW_MS), ("02", NOW_MS + 4 * 365 * DAY_MS)):
            row = {"device": "gym-1", "public_key": b"", "certificate": "", "issued_ms": NOW_MS}
            connection.execute(insert(certificates).values(serial=serial, not_after_ms=ends_ms, **row))
    gym.record(3)
    world.take(gym, gym.sealed(1, 3, [gym.gap(1, 2), gym.rows[2]]))
    world.now_ms += (DEFAULT_DAYS["events"] + 1) * DAY_MS + 1
    run(retention)
    assert [row.boot for row in world.rows(clock_fixes.c.boot)] == ["b2", "b3"]
    assert (len(world.rows(breaks)), len(world.rows(certificates))) == (1, 2)
    world.now_ms += 3 * 365 * DAY_MS
    run(retention)
    assert [row.boot for row in world.rows(clock_fixes.c.boot)] == ["b3"]
    assert (len(world.rows(breaks)), len(world.rows(certificates))) == (0, 1)
