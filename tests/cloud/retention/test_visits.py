"""Visits of riders, guests and strangers lose their names after a month; chains stay whole, devices are believed."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from cloud.devices.erasure import decode_stored, read_erased
from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events
from cloud.keys.keys import KeyFolder
from cloud.people.plans import Plan
from cloud.people.tables import memberships, plans
from cloud.retention import store as rows
from cloud.retention.rule import DEFAULT_DAYS, is_child
from cloud.retention.service import RetentionService
from cloud.retention.visits import visitors
from cloud.store.database import connect
from cloud.store.labels import Label
from cloud.store.schema import events, people
from contract.decide import DAY_MS, Standing, Tier
from contract.events import encode_event
from tests.cloud.support.ingest_world import World
from tests.cloud.support.sender import SITE, Sender, event

RIDER, MEMBER, BOTH, NOBODY, CHILD = (bytes([number]) * 8 for number in range(1, 6))
TIERS = {
    RIDER: [Tier.RIDER],
    MEMBER: [Tier.MEMBER],
    BOTH: [Tier.RIDER, Tier.MEMBER],
    NOBODY: [],
    CHILD: [Tier.MEMBER],
}
BORN = {CHILD: "2015-03"}
"""All others have not said."""


def served(world: World) -> tuple[Sender, RetentionService]:
    """A device at which people of several tiers pass, and what erases their visits."""
    with world.store.writing() as connection:
        for tier in (Tier.RIDER, Tier.MEMBER):
            document = Plan(tier.value, tier, 0, None, {}, Label("", ""))
            connection.execute(insert(plans).values(name=tier.value, document=document))
        for number, (holder, tiers) in enumerate(TIERS.items(), 1):
            person = {"id": number, "holder": holder, "name_zh": "", "name_en": "", "born": BORN.get(holder, "")}
            connection.execute(insert(people).values(person))
            for tier in tiers:
                values = {"person_id": number, "plan": tier.value, "standing": Standing.ACTIVE.value}
                connection.execute(insert(memberships).values(values))
    service = RetentionService(world.store, SITE, lambda: world.now_ms, lambda: world.now_ms)
    assert service.step() == 0
    return world.add(Sender()), service


def passes(world: World, gym: Sender, holder: bytes = b"", reason: str = "allowed") -> None:
    kind = "access.allowed" if holder else "access.refused"
    data = {"reason": reason, "digest": "ab" * 16, "direction": "in"}
    gym.keep(encode_event(event(len(gym.rows) + 1, kind, **data | ({"holder": holder.hex()} if holder else {}))))
    world.take(gym, gym.events(len(gym.rows), len(gym.rows)))


def stored(world: World) -> list[bytes]:
    return [row.stored for row in world.rows(events)]


def run(retention: RetentionService) -> None:
    while retention.step():
        pass


def broken(world: World) -> dict[str, str]:
    with world.store.reading() as connection:
        return rows.broken_journals(connection, SITE)


def month_later(world: World, retention: RetentionService) -> None:
    world.now_ms += DEFAULT_DAYS["visits"] * DAY_MS + 1
    run(retention)


def test_unknown_card_is_erased_after_a_month(world: World) -> None:
    """The day before it is not; and the chain is whole all the time."""
    gym, retention = served(world)
    passes(world, gym, reason="unknown_credential")
    passes(world, gym, reason="expired")
    world.now_ms += DEFAULT_DAYS["visits"] * DAY_MS - 1
    run(retention)
    assert stored(world) == gym.rows
    world.now_ms += 2
    run(retention)
    unknown, expired = stored(world)
    assert (decode_stored(unknown).data, expired) == ({"reason": "unknown_credential", "direction": "in"}, gym.rows[1])
    assert broken(world) == {}
    with world.store.reading() as connection:
        (line,) = list_events(connection, EventFilter(reason="unknown_credential")).rows
    assert (line.kind, line.holder, line.point) == ("access.refused", None, "gym-turnstile")


def test_only_visitors_are_erased(world: World) -> None:
    """And children. Who is a rider and a member too is no visitor, nor is who has no plan any more."""
    gym, retention = served(world)
    for holder in TIERS:
        passes(world, gym, holder)
    month_later(world, retention)
    assert [read_erased(one) is not None for one in stored(world)] == [True, False, False, False, True]
    assert [row.holder for row in world.rows(events.c.holder)] == [None, MEMBER, BOTH, NOBODY, None]
    assert broken(world) == {}
    with world.store.reading() as connection:
        assert visitors(connection, SITE, TIERS, world.now_ms) == {RIDER, CHILD}


def test_erased_row_sent_again_is_known(world: World) -> None:
    """Its device does not fork for it; another event in its place is a fork as before."""
    gym, retention = served(world)
    passes(world, gym, RIDER)
    passes(world, gym, MEMBER)
    month_later(world, retention)
    world.acks()
    world.take(gym, gym.events(1, 1))
    assert [(ack.upto, ack.fork) for ack in world.acks()] == [(2, False)]
    twin = Sender(key=gym.key)
    twin.keep(encode_event(event(1, "access.allowed", holder=MEMBER.hex())))
    world.take(twin, twin.events(1, 1))
    assert [ack.fork for ack in world.acks()] == [True]


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_tampering_beside_an_erased_row_is_found(world: World, seq: int) -> None:
    gym, retention = served(world)
    for holder in (MEMBER, RIDER, MEMBER):
        passes(world, gym, holder)
    month_later(world, retention)
    assert broken(world) == {}
    other = encode_event(event(seq, "access.allowed", holder=BOTH.hex()))
    with world.store.writing() as connection:
        connection.execute(events.update().where(events.c.seq == seq).values(stored=other))
    assert list(broken(world)) == [f"gym-1 {gym.journal}"]


WHO = st.sampled_from([*TIERS, b"poison", b"gap"])


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(WHO, st.integers(0, 40)), max_size=12))
def test_chains_stay_whole_whatever_is_erased(
    tables: Path, tmp_path_factory: pytest.TempPathFactory, keys: KeyFolder, happenings: list[tuple[bytes, int]]
) -> None:
    """Between refused rows, gaps, and rows that are deleted for good."""
    store = connect(f"sqlite:///{shutil.copy(tables, tmp_path_factory.mktemp('world') / 'cloud.db')}")
    world = World(store, keys)
    gym, retention = served(world)
    for who, days in happenings:
        first = len(gym.rows) + 1
        if who == b"poison":
            gym.keep(b"\xc1" * 3)
            world.take(gym, gym.sealed(first, first, gym.rows[first - 1 :]))
        elif who == b"gap":
            gym.keep(b"lost")
            world.take(gym, gym.sealed(first, first, [gym.gap(first, first)]))
        else:
            passes(world, gym, who)
        world.now_ms += days * DAY_MS
        run(retention)
        assert broken(world) == {}
    month_later(world, retention)
    assert {RIDER, CHILD}.isdisjoint(row.holder for row in world.rows(events.c.holder))
    store.close()


@pytest.mark.parametrize(
    ("born", "today", "child"),
    [
        ("2012-11", "2026-11-30", True),
        ("2012-10", "2026-11-30", False),
        ("2020-01", "2026-11-30", True),
        ("", "2026-11-30", False),
    ],
)
def test_child_is_under_fourteen(born: str, today: str, child: bool) -> None:
    """By the month of birth: the whole month of the birthday counts as before it."""
    assert is_child(born, today) is child
