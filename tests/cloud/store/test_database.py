"""The database opens, is brought up to date, and keeps readers and writers apart."""

import json
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, literal, select
from sqlalchemy.engine.interfaces import CacheStats
from sqlalchemy.exc import IntegrityError

from cloud.devices.event_series import EventFilter, find_arrivals
from cloud.devices.point_kinds import kinds_of
from cloud.devices.registry import found_site, roster_readers
from cloud.hours.rule import Hours
from cloud.hours.store import list_hours, list_special_days
from cloud.keys.keys import KeyFolder
from cloud.line.sealed_channel import SealedChannel
from cloud.people.community import load_community
from cloud.people.plans import STAFF, Plan, charging
from cloud.people.publisher import Publisher
from cloud.people.rosters import newest_roster
from cloud.people.store import list_people, list_plans
from cloud.people.tables import memberships
from cloud.store.database import MIGRATIONS, MOST_STATEMENTS, NEWEST, Store, _statements, connect, open_store
from cloud.store.labels import Label
from cloud.store.revision import Touched, revision, touch
from cloud.store.schema import zones
from contract import codec
from contract.decide import Tier
from contract.messages import Manifest
from tests.cloud.support.old_databases import old_database
from tests.cloud.support.tables import all_tables


def pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_the_migrations_lead_to_the_tables_of_the_schema(store: Store) -> None:
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), all_tables()) == []


def test_opening_again_changes_nothing(url: str, store: Store) -> None:
    with store.writing() as connection:
        connection.execute(insert(zones).values(name="gym", label_zh="健身房", label_en="Gym"))
    again = open_store(url)
    with again.reading() as connection:
        assert connection.execute(select(zones.c.name)).scalars().all() == ["gym"]
    again.close()


def test_every_connection_writes_through_to_the_disk_and_checks_references(store: Store) -> None:
    with store.reading() as connection:
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "synchronous") == 2
        assert pragma(connection, "foreign_keys") == 1


def test_arrival_of_an_event_is_its_row_number(store: Store) -> None:
    """A new event goes to the end of the table, and its journal and number are the only other key."""
    with store.reading() as connection:
        (plan,) = connection.exec_driver_sql("EXPLAIN QUERY PLAN SELECT * FROM events WHERE arrival = 1").scalars(3)
        keys = connection.exec_driver_sql("SELECT name FROM pragma_index_list('events')").scalars().all()
    assert plan == "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"
    assert set(keys) == {"ix_events_journal_id_seq", "ix_events_series", "ix_events_holder"}


def test_an_exception_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(IntegrityError), store.writing() as connection:
        connection.execute(insert(zones).values(name="gym", label_zh="健身房", label_en="Gym"))
        connection.execute(insert(memberships).values(person_id=1, plan="none", standing="active"))
    with store.reading() as connection:
        assert connection.execute(select(zones)).all() == []


def test_a_reader_keeps_its_view_while_another_writes(store: Store) -> None:
    with store.reading() as before:
        assert before.execute(select(zones)).all() == []
        with store.writing() as writer:
            writer.execute(insert(zones).values(name="gym", label_zh="健身房", label_en="Gym"))
        assert before.execute(select(zones)).all() == []
    with store.reading() as after:
        assert len(after.execute(select(zones)).all()) == 1


def test_in_a_community_of_before_there_were_allotments_its_staff_may_end_emergencies(url: str) -> None:
    with old_database(url, "0009") as connection:
        for row in (
            "sites (name, zone, revision, label_zh, label_en) VALUES ('old', 'Asia/Shanghai', 1, '旧', 'Old')",
            "zones (name, label_zh, label_en) VALUES ('hub', '驿站', 'Hub')",
            "points (name, device, zone, label_zh, label_en) VALUES ('door', 'door', 'hub', '门', 'Door')",
            """plans (name, tier, fee_yuan, opens, label_zh, label_en) VALUES
               ('staff', 'staff', 0, '{"hub": "always", "estate": "always"}', '物业', 'Staff'),
               ('rider', 'rider', 0, '{"hub": "always"}', '骑手', 'Rider')""",
        ):
            connection.exec_driver_sql(f"INSERT INTO {row}")
    store = open_store(url)
    with store.reading() as connection:
        found = load_community(connection)
    store.close()
    given = {plan.name: (plan.quantities, plan.resets) for plan in found.plans}
    assert given == {"rider": ({}, ()), STAFF.name: ({}, ("estate", "hub"))}
    assert [(point.device, point.class_name) for point in found.points] == [("door", "")]


def test_points_of_an_old_database_get_their_kinds(url: str) -> None:
    """From the wiring that was stored, and where there is none from what a point is rationed as. What a wiring does
    not say, or says in a way that cannot be read, waits for the device's own word."""
    wiring = '[[point]]\nname = "gate"\nkind = "door"\n[[point]]\nname = "arm"\nkind = "../turnstile"\n'
    with old_database(url, "0010") as connection:
        connection.exec_driver_sql(
            "INSERT INTO sites (name, zone, revision, label_zh, label_en) VALUES ('old', 'Asia/Shanghai', 1, '', '')"
        )
        connection.exec_driver_sql("INSERT INTO zones (name, label_zh, label_en) VALUES ('hub', '', '')")
        for name, text in (("a", wiring), ("b", "[[point"), ("c", None)):
            connection.exec_driver_sql(
                "INSERT INTO devices (site, name, public_key, label_zh, label_en, registered_ms, wiring, online,"
                " connection, roster_number) VALUES ('old', ?, ?, '', '', 0, ?, 0, 0, 0)",
                (name, bytes(65), text),
            )
        for name, device, class_name in (
            ("gate", "a", ""),
            ("arm", "a", ""),
            ("roof", "b", ""),
            ("phone-1", "c", "phone"),
            ("ev-1", "c", "ev"),
        ):
            connection.exec_driver_sql(
                "INSERT INTO points (name, device, zone, label_zh, label_en, class) VALUES (?, ?, 'hub', '', '', ?)",
                (name, device, class_name),
            )
    store = open_store(url)
    with store.reading() as connection:
        kinds = kinds_of(connection)
    store.close()
    assert kinds == {"gate": "door", "arm": "", "roof": "", "phone-1": "socket", "ev-1": "ev_post"}


def test_plans_of_an_old_database_are_read(url: str) -> None:
    """Every field that was a column, and the memberships that name the plan."""
    with old_database(url, "0012") as connection:
        for row in (
            "sites (name, zone, revision, label_zh, label_en) VALUES ('old', 'Asia/Shanghai', 1, '旧', 'Old')",
            """plans (name, tier, fee_yuan, places, opens, label_zh, label_en, allotments, resets) VALUES
               ('founder', 'founder', 3600, 4, '{"gym": "gym-hours"}', '创始会员', 'Founder',
                '{"ev": {"minutes": 120, "wh": 10000}}', '["gym"]'),
               ('rider', 'rider', 0, NULL, '{}', '骑手', 'Rider', '{}', '[]')""",
            "people (id, holder, name_zh, name_en) VALUES (1, X'0102030405060708', '', 'Lin')",
            """memberships (person_id, plan, payer, from_ms, until_ms, standing)
               VALUES (1, 'founder', 1, 0, 0, 'active')""",
        ):
            connection.exec_driver_sql(f"INSERT INTO {row}")
    store = open_store(url)
    with store.reading() as connection:
        community, (lin,) = load_community(connection), list_people(connection).people
    store.close()
    label, rations = Label("创始会员", "Founder"), {"ev": charging(120, 10_000)}
    assert community.plans == [
        Plan("founder", Tier.FOUNDER, 3600, 4, {"gym": "gym-hours"}, label, rations, ("gym",)),
        Plan("rider", Tier.RIDER, 0, None, {}, Label("骑手", "Rider")),
    ]
    assert [one.label for one in lin.memberships] == [label]


def test_events_of_an_old_database_keep_their_numbers(url: str) -> None:
    """Two journals whose events came by turns: all columns, in the order of their arrival, and both keys. Start and
    uptime stay where the clock was unset, and nowhere else."""
    with old_database(url, "0013") as connection:
        for row in (
            "sites (name, zone, revision, label_zh, label_en) VALUES ('old', 'Asia/Shanghai', 1, '', '')",
            """devices
               (id, site, name, public_key, label_zh, label_en, registered_ms, online, connection, roster_number) VALUES
               (7, 'old', 'door', X'00', '', '', 0, 0, 0, 0)""",
            """journals (id, device_id, journal, upto, tip, opened_ms) VALUES
               (1, 7, 'a', 2, X'', 0), (2, 7, 'b', 1, X'', 0)""",
        ):
            connection.exec_driver_sql(f"INSERT INTO {row}")
        columns = (
            "arrival, journal_id, seq, device_id, received_ms, replay, point, kind, at_ms, mono_ms, boot,"
            " holder, reason, stored"
        )
        old, kept = [], []
        for arrival, journal, seq, clock, holder, reason in (
            (5, 1, 2, "synced", None, "worn"),
            (3, 2, 1, "unset", bytes(8), None),
            (2, 1, 1, "holdover", None, None),
        ):
            before = arrival, journal, seq, 7, 2000, 1, "gate", "door.forced", 1000
            old.append((*before, -1, "boot", holder, reason, b"e", clock))
            kept.append((*before, *((-1, "boot") if clock == "unset" else (0, "")), holder, reason, b"e"))
        insert_old = f"INSERT INTO events ({columns}, clock) VALUES ({', '.join('?' * len(old[0]))})"
        connection.exec_driver_sql(insert_old, old)
    store = open_store(url)
    with store.reading() as connection:
        joined = "events JOIN (SELECT id, device_id, point, kind, nullif(reason, '') AS reason FROM event_series)"
        assert connection.exec_driver_sql(f"SELECT {columns} FROM {joined} ON id = series").all() == kept[::-1]
        again = tuple(connection.exec_driver_sql("SELECT * FROM events WHERE arrival = 5").one())
        for wanted, arrivals in ((EventFilter(reason="worn"), [5]), (EventFilter("door", "gate"), [5, 3, 2])):
            assert find_arrivals(connection, "old", wanted, 9, 9, newest_first=True) == arrivals
        assert pragma(connection, "foreign_key_check") is None
        assert pragma(connection, "integrity_check") == "ok"
    with pytest.raises(IntegrityError, match=r"journal_id, events\.seq"), store.writing() as connection:
        insert_new = f"INSERT INTO events VALUES ({', '.join('?' * len(again))})"
        connection.exec_driver_sql(insert_new, (6, *again[1:]))
    store.close()


def test_rosters_of_an_old_database_go_on(url: str, keys: KeyFolder) -> None:
    """Their numbers do; the pages are made anew, for they are of another version. Profiles are numbered by name, and
    a device that has said something reads version 1."""
    with old_database(url, "0014") as connection:
        for row in (
            "sites (name, zone, revision, label_zh, label_en) VALUES ('old', 'Asia/Shanghai', 7, '', '')",
            "plans (name, document) VALUES ('yearly', '{}'), ('rider', '{}')",
            """devices
               (name, state, site, public_key, label_zh, label_en, registered_ms, online, connection, roster_number)
               VALUES ('door', '{"online": true}', 'old', X'00', '', '', 0, 0, 0, 41),
                      ('new-door', NULL, 'old', X'01', '', '', 0, 0, 0, 0)""",
            "roster_pages (hash, blob, made_ms) VALUES (X'AA', X'00', 0), (X'BB', X'00', 0)",
            "rosters (number, issued_ms, site_page, pages, count, revision) VALUES (41, 5, X'AA', X'BB', 3, 7)",
        ):
            connection.exec_driver_sql(f"INSERT INTO {row}")
    store = open_store(url)
    with store.writing() as connection:
        assert connection.exec_driver_sql("SELECT plan, number FROM profiles ORDER BY 1").all() == [
            ("rider", 0),
            ("yearly", 1),
        ]
        assert roster_readers(connection) == {"door": (1, 41)}
        assert connection.exec_driver_sql("SELECT * FROM roster_pages").all() == []
        connection.exec_driver_sql("DELETE FROM plans")
    sent: list[tuple[str, bytes]] = []

    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        sent.append((topic, payload))

    publisher = Publisher(
        store, SealedChannel(publish, "old", "roster", keys.roster), publish=publish, clock=lambda: 10
    )
    publisher.refresh()
    store.close()
    topic, manifest = sent[-1]
    assert topic == "hg/v1/old/door/dn/roster"
    assert codec.read(codec.detach(manifest)[0], Manifest).number == 42


def test_site_pages_of_an_old_database_are_found(url: str) -> None:
    """They stand by their version; hours that knew no calendar have the hours of their weekday on every day."""
    with old_database(url, "0017") as connection:
        for row in (
            "sites (name, zone, revision, label_zh, label_en) VALUES ('old', 'Asia/Shanghai', 7, '', '')",
            """schedules (name, week, label_zh, label_en)
               VALUES ('mornings', '[[[360, 720]], [], [], [], [], [], []]', '', '')""",
            """rosters (number, issued_ms, site_page, old_site_page, root, count, revision)
               VALUES (40, 4, X'CC', X'', X'', 3, 7), (41, 5, X'AA', X'BB', X'DD', 3, 7)""",
        ):
            connection.exec_driver_sql(f"INSERT INTO {row}")
    store = open_store(url)
    with store.reading() as connection:
        issued = newest_roster(connection)
        assert issued is not None
        assert (issued.number, issued.site_pages) == (41, {1: b"\xbb", 2: b"\xaa"})
        assert list_hours(connection) == [Hours("mornings", Label("", ""), (((360, 720),), (), (), (), (), (), ()))]
        assert list_special_days(connection, "old") == []
        assert load_community(connection).schedules["mornings"].days == {}
    store.close()


def test_plan_without_a_new_field_is_read(store: Store) -> None:
    """A field that a plan is given later has a default: documents of before are not touched."""
    old = {"name": "rider", "tier": "rider", "fee_yuan": 0, "places": None, "opens": {}, "label": {"zh": "", "en": ""}}
    with store.writing() as connection:
        connection.exec_driver_sql("INSERT INTO plans (name, document) VALUES ('rider', ?)", (json.dumps(old),))
        assert list_plans(connection) == [Plan("rider", Tier.RIDER, 0, None, {}, Label("", ""))]


def test_statement_is_compiled_once_for_all_databases(tmp_path: Path) -> None:
    """Databases share a dialect and compiled statements by parts of SQLAlchemy that it may change: then this fails, and
    whoever opens many of them compiles every statement again."""
    hits = []
    for name in ("first", "second"):
        store = connect(f"sqlite:///{tmp_path / name}.db")
        with store.reading() as connection:
            answer = connection.execute(select(literal(name).label("a_word_of_this_test")))
            assert answer.scalar_one() == name
            hits.append(answer.context.cache_hit)
        store.close()
    assert hits == [CacheStats.CACHE_MISS, CacheStats.CACHE_HIT]


def test_compiled_statements_are_bounded() -> None:
    _, compiled = _statements()
    for number in range(10 * MOST_STATEMENTS):
        compiled["of this test", number] = None
    assert MOST_STATEMENTS <= len(compiled) < 2 * MOST_STATEMENTS


def test_changed_roster_is_told_after_its_commit(store: Store) -> None:
    """Once a transaction, when others can read it. One that is rolled back or changes nothing tells nobody."""
    revisions: list[int] = []

    def look() -> None:
        with store.reading() as connection:
            revisions.append(revision(connection))

    with store.writing() as connection:
        found_site(connection, "moon-court", "Asia/Shanghai", "", "")
    store.on_roster_change = look
    for changing in (store.writing, store.ingesting):
        revisions.clear()
        with changing() as connection:
            touch(connection)
            touch(connection)
            assert revisions == []
    assert revisions == [4]
    with pytest.raises(ZeroDivisionError), store.writing() as connection:
        touch(connection)
        raise ZeroDivisionError
    with store.writing() as connection:
        connection.execute(select(zones))
    assert revisions == [4]


def test_newest_version_is_that_of_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST


def test_database_up_to_date_opens_without_alembic(url: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alembic takes longer than most commands of the terminal do; an older or newer database is handed to it."""
    monkeypatch.setitem(sys.modules, "alembic", None)
    open_store(url).close()
    for version in ("0001", "9999"):
        with store.writing() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{version}'")
        with pytest.raises(ImportError):
            open_store(url)


def test_what_was_tried_is_undone(store: Store) -> None:
    """Nobody is told of a roster that never was."""
    told: list[bool] = []
    store.on_roster_change = lambda: told.append(True)
    with store.trying() as connection:
        connection.execute(insert(zones).values(name="roof", label_zh="屋顶", label_en="Roof"))
        touch(connection, Touched.TERMS)
    with store.reading() as connection:
        assert connection.execute(select(zones.c.name)).scalars().all() == []
    assert told == []
