"""Households of old databases become flats and parties, and nobody passes who was refused before."""

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import IntegrityError

from cloud.people.community import load_community
from cloud.people.grants import grants
from cloud.people.store import list_people
from cloud.store.database import Store, open_store
from cloud.store.revision import revision
from cloud.web.operators import first_broken_entry, list_audit
from contract.decide import Tier
from tests.cloud.support.old_databases import old_database

FOUNDER_OF_2 = (
    '{"name": "founder", "tier": "founder", "fee_yuan": 0, "places": 2, "opens": {"gym": "always"},'
    ' "label": {"zh": "", "en": ""}}'
)
RESIDENT_OF_BEFORE = (
    '{"name": "resident", "tier": "resident", "fee_yuan": 0, "places": null, "opens": {"estate": "always"},'
    ' "label": {"zh": "", "en": ""}}'
)
ALWAYS_OPEN = "[[[0,1440]],[[0,1440]],[[0,1440]],[[0,1440]],[[0,1440]],[[0,1440]],[[0,1440]]]"


@pytest.fixture
def households(url: str) -> Iterator[Store]:
    """A database of before there were flats: a family of three with two places, somebody whose household nobody pays
    for, and somebody without a household."""
    with old_database(url, "0017") as connection:
        for row in (
            "sites (name, zone, revision, label_zh, label_en) VALUES ('old', 'Asia/Shanghai', 7, '', '')",
            f"schedules (name, week, label_zh, label_en) VALUES ('always', '{ALWAYS_OPEN}', '', '')",
            f"plans (name, document, profile) VALUES ('resident', '{RESIDENT_OF_BEFORE}', 0),"
            f" ('founder', '{FOUNDER_OF_2}', 1)",
            "zones (name, label_zh, label_en) VALUES ('gym', '', '')",
            "points (name, device, zone, label_zh, label_en) VALUES ('gym-door', 'gym', 'gym', '', '')",
            "households (id, unit) VALUES (4, '3-1-702'), (5, 'gate house')",
            """people (id, holder, name_zh, name_en, household_id) VALUES
               (1, X'0100000000000000', '', 'A', 4), (2, X'0200000000000000', '', 'B', 4),
               (3, X'0300000000000000', '', 'C', 4), (4, X'0400000000000000', '', 'D', 5),
               (5, X'0500000000000000', '', 'E', NULL)""",
            """memberships (id, person_id, plan, payer, from_ms, until_ms, standing) VALUES
               (1, 1, 'founder', 0, 0, 0, 'active'), (2, 2, 'founder', 0, 0, 0, 'active'),
               (3, 3, 'founder', 1, 0, 0, 'active'), (4, 4, 'founder', 0, 0, 0, 'active'),
               (5, 5, 'founder', 1, 0, 0, 'active'), (6, 5, 'founder', 1, 0, 1, 'active')""",
            """credentials (person_id, kind, digest, sealed, label, standing, added_ms) VALUES
               (1, 'card', X'01010101010101010101010101010101', X'', '', 'active', 0)""",
        ):
            connection.exec_driver_sql(f"INSERT INTO {row}")
    store = open_store(url)
    yield store
    store.close()


def test_households_become_flats_and_parties(households: Store) -> None:
    """Each of its people is a member, and is compiled anew; cards and references are whole."""
    with households.writing() as connection:
        run = connection.exec_driver_sql
        assert run("SELECT name, building, unit, floor, flat FROM flats ORDER BY 1").all() == [
            ("3-1-702", "3", "1", 7, "702"),
            ("gate house", "", "", None, ""),
        ]
        assert run("SELECT id, kind, flat FROM parties ORDER BY 1").all() == [
            (4, "flat", "3-1-702"),
            (5, "flat", "gate house"),
        ]
        assert run("SELECT party_id, person_id, role FROM party_members ORDER BY 2").all() == [
            (4, 1, "adult"),
            (4, 2, "adult"),
            (4, 3, "payer"),
            (5, 4, "adult"),
        ]
        assert run("PRAGMA foreign_key_check").all() == []
        assert [person.unit for person in list_people(connection).people] == [*["3-1-702"] * 3, "gate house", None]
        assert run("SELECT everybody_revision FROM sites").scalar() == revision(connection) == 8
        with pytest.raises(IntegrityError):
            run("DELETE FROM people WHERE id = 1")


def test_surplus_memberships_of_before_are_suspended(households: Store) -> None:
    """Whoever had no place was refused, and still is; the audit names each, and its chain holds."""
    with households.reading() as connection:
        held = load_community(connection).memberships
        standings = {one.id: (one.party, one.standing.value) for one in held}
        audit = list_audit(connection)
        assert first_broken_entry(connection) is None
    assert standings == {
        1: (4, "active"),
        2: (4, "suspended"),
        3: (4, "active"),
        4: (5, "suspended"),
        5: (None, "suspended"),
        6: (None, "active"),
    }
    assert [entry.detail["membership"] for entry in audit] == ["5", "4", "2"]


def test_profiles_of_an_old_database_stay(households: Store) -> None:
    """Rows keep their numbers. Residents may pass whatever leads to their flat, once a point does."""
    with households.reading() as connection:
        community = load_community(connection)
        rows, page = grants(community, 10)
    assert {profile.plan: number for profile, number in community.profiles.items()} == {"resident": 0, "founder": 1}
    assert page.profiles == [{}, {"gym-door": "always"}]
    assert [(row.profile, row.tier) for row in rows] == [(0, Tier.RESIDENT), (1, Tier.FOUNDER)]
    resident = next(plan for plan in community.plans if plan.name == "resident")
    assert resident.opens == {"estate": "always", "home": "always", "own-floor": "always"}
