"""Sunny Court: everyone a demonstration needs, the same every time."""

import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from cloud.cards.rule import Card
from cloud.devices.wired import wired_points
from cloud.keys.keys import KeyFolder
from cloud.people.community import load_community
from cloud.people.grants import grants
from cloud.people.tables import credentials
from cloud.sample import FACILITY, HUB_SOCKETS, PEOPLE, POINTS, SOCKETS, seed_sample
from cloud.store.database import Store
from cloud.store.schema import people, points
from contract.decide import Facts, Request, Trust, weigh
from contract.reasons import Reason
from contract.site_page import Site
from contract.templates import Expansion
from tests.cloud.support.cards import card_of

NOW_MS = 1_700_000_000_000
MIDNIGHT_MS = 1_700_064_000_000  # 00:00 in Shanghai


@pytest.fixture
def seeded(store: Store, keys: KeyFolder) -> Store:
    with store.writing() as connection:
        seed_sample(connection, keys, NOW_MS)
    return store


def answers(store: Store, keys: KeyFolder, number: int, now_ms: int = NOW_MS) -> dict[str, Reason]:
    with store.reading() as connection:
        rows, page = grants(load_community(connection), now_ms)
    digest = Card("H10301", FACILITY, number).digest(keys.digest)
    held = [Site(page).grant(row) for row in rows if row.digest == digest]
    facts = Facts(zone=ZoneInfo(page.zone), clock=Trust.SYNCED, clock_floor_ms=0, roster_age_ms=0)
    return {name: weigh(Request(name, digest), held, facts, now_ms).reason for name, *_ in POINTS}


def test_the_yearly_members_card_opens_the_gym_day_and_night(seeded: Store, keys: KeyFolder) -> None:
    for now_ms in (NOW_MS, MIDNIGHT_MS):
        assert answers(seeded, keys, 15890, now_ms)["gym-turnstile"] is Reason.ALLOWED


@pytest.mark.parametrize(
    ("number", "gym", "gate"),
    [
        (10001, Reason.ALLOWED, Reason.ALLOWED),
        (10004, Reason.ALLOWED, Reason.ALLOWED),
        (10006, Reason.NOT_ENTITLED, Reason.ALLOWED),
        (10007, Reason.EXPIRED, Reason.ALLOWED),
        (10008, Reason.SUSPENDED, Reason.ALLOWED),
        (10009, Reason.REPORTED_LOST, Reason.REPORTED_LOST),
        (10010, Reason.NOT_ENTITLED, Reason.ALLOWED),
        (10011, Reason.ALLOWED, Reason.ALLOWED),
        (10099, Reason.UNKNOWN_CREDENTIAL, Reason.UNKNOWN_CREDENTIAL),
    ],
)
def test_everyone_gets_the_answer_they_are_there_for(
    seeded: Store, keys: KeyFolder, number: int, gym: Reason, gate: Reason
) -> None:
    found = answers(seeded, keys, number)
    assert (found["gym-turnstile"], found["east-gate"], found["west-gate"]) == (gym, gate, gate)


def test_the_rider_reaches_the_hub(seeded: Store, keys: KeyFolder) -> None:
    assert answers(seeded, keys, 10010)["hub-door"] is Reason.ALLOWED


def test_the_same_seed_makes_the_same_people(seeded: Store, store: Store) -> None:
    with seeded.reading() as connection:
        holders = connection.execute(select(people.c.holder).order_by(people.c.id)).scalars().all()
    assert len(set(holders)) == len(PEOPLE)
    assert holders[0].hex() == "f5b165224a58b791"


def test_no_card_number_stands_in_the_database_as_it_is(seeded: Store, keys: KeyFolder) -> None:
    with seeded.reading() as connection:
        row = connection.execute(select(credentials).where(credentials.c.id == 5)).one()
        assert card_of(connection, 5, keys.numbers) == Card("H10301", FACILITY, 15890)
    assert b"15890" not in row.sealed
    assert "15890" not in row.label


def test_the_sockets_of_the_hub_are_those_that_its_device_is_wired_for() -> None:
    wired = Expansion(tomllib.loads((Path(__file__).parents[2] / "config" / "hub.toml").read_text())).document
    charging = [point for point in wired["point"] if point["kind"] in ("socket", "ev_post")]
    assert wired["device"]["name"] == HUB_SOCKETS
    assert {point["zone"] for point in charging} == {"hub"}
    classes = {point["name"]: point.get("settings", {}).get("class", "ev") for point in charging}
    assert classes == {name: class_name for name, class_name, *_ in SOCKETS}


def test_sample_points_are_of_the_kinds_wired(seeded: Store) -> None:
    config = Path(__file__).parents[2] / "config"
    wired = [
        point for name in ("hub", "turnstile", "door") for point in wired_points((config / f"{name}.toml").read_text())
    ]
    with seeded.reading() as connection:
        kinds = {row.name: row.kind for row in connection.execute(select(points.c.name, points.c.kind))}
    assert {kinds.pop(one.name) == one.kind for one in wired} == {True}
    assert set(kinds.values()) == {"door"}, "what is left is no point of a sample of its own"


def test_a_rider_s_charging_card_reaches_the_hub_as_the_gate_card_does(seeded: Store, keys: KeyFolder) -> None:
    (uid,) = (person.uid for person in PEOPLE if person.card == 10010)
    with seeded.reading() as connection:
        rows, _ = grants(load_community(connection), NOW_MS)
    digests = {Card("UID4", None, uid).digest(keys.digest), Card("H10301", FACILITY, 10010).digest(keys.digest)}
    mine = [row for row in rows if row.digest in digests]
    assert {row.digest for row in mine} == digests
    assert len({row.holder for row in mine}) == 1


def test_a_rider_is_rationed_at_every_socket_of_the_hub_and_staff_at_none(seeded: Store, keys: KeyFolder) -> None:
    with seeded.reading() as connection:
        rows, page = grants(load_community(connection), NOW_MS)
    given = {}
    for number in (10010, 10011):
        digest = Card("H10301", FACILITY, number).digest(keys.digest)
        (given[number],) = (Site(page).grant(row).allotments for row in rows if row.digest == digest)
    assert {point: held.name for point, held in given[10010].items()} == {
        name: f"rider-{class_name}" for name, class_name, *_ in SOCKETS
    }
    assert given[10011] == {}
