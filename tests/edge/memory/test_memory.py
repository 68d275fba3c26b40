"""What a device must not forget: commands it has begun, documents it was told, what its points keep and have used."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from contract.schedules import MINUTES_PER_DAY
from edge.machine import files
from edge.machine.files import InUse
from edge.memory.loans import Loan
from edge.memory.memory import (
    COMMANDS_LAST_MS,
    MAX_COMMANDS,
    Memory,
    MemoryUnusable,
    StoredCommand,
    StoredPoint,
    commands_and_kept,
    points_and_spent,
)
from edge.memory.spent import KEPT_DAYS, LOST, NOBODY, UNDATED, Spent

MEMORIES = Path(__file__).parents[2] / "fixtures" / "memories"
NOW_MS = 1_800_000_000_000
DAY = 739_000
CHARGING = StoredPoint("phone-1", b"a session", "b7", 5_000, NOW_MS)
SPENT = Spent("0123456789abcdef", "minutes", "72696465726e6f31", "rider-phone", DAY * MINUTES_PER_DAY, 60_000)
ROTTEN = {
    "a time": "UPDATE commands SET issued_ms = 'soon' WHERE rowid = 100",
    "a name": "UPDATE commands SET id = CAST(x'ff' AS TEXT) WHERE rowid = 100",
    "a note": "INSERT INTO kept VALUES ('commands.forgotten_ms', '18o')",
    "an amount": "UPDATE uses SET amount = 'much'",
    "a document": "UPDATE points SET document = 7",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def memory(path: Path) -> Iterator[Memory]:
    opened = Memory(path)
    yield opened
    opened.close()


def begun(number: int, started_ms: int = NOW_MS) -> StoredCommand:
    return StoredCommand(f"{number:032x}", "open_once", started_ms, started_ms - 5, None)


def test_what_was_begun_and_how_it_ended_outlives_a_restart(path: Path) -> None:
    memory = Memory(path)
    memory.begin(begun(1))
    memory.begin(begun(2))
    memory.finish(begun(1).id, b"done")
    memory.close()
    again = Memory(path)
    assert again.commands() == [begun(1)._replace(result=b"done"), begun(2)]
    again.close()


def test_a_commit_is_on_the_disk_when_it_returns(memory: Memory) -> None:
    assert memory._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert memory._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_one_command_is_begun_once(memory: Memory) -> None:
    memory.begin(begun(1))
    with pytest.raises(MemoryUnusable):
        memory.begin(begun(1))
    assert len(memory.commands()) == 1


def test_the_oldest_make_room_and_the_time_of_the_newest_forgotten_is_kept(path: Path) -> None:
    memory = Memory(path)
    for number in range(MAX_COMMANDS):
        assert memory.begin(begun(number, NOW_MS + number)) == 0
    assert memory.begin(begun(MAX_COMMANDS, NOW_MS + MAX_COMMANDS)) == NOW_MS - 5
    assert memory.begin(begun(MAX_COMMANDS + 1, NOW_MS + MAX_COMMANDS)) == NOW_MS - 4
    assert len(memory.commands()) == MAX_COMMANDS
    memory.close()
    again = Memory(path)
    assert again.forgotten_ms() == NOW_MS - 4
    again.close()


def test_a_week_later_a_command_is_forgotten_by_its_id_and_known_by_its_time(memory: Memory) -> None:
    memory.begin(begun(1))
    assert memory.begin(begun(2, NOW_MS + COMMANDS_LAST_MS + 1)) == NOW_MS - 5
    assert [one.id for one in memory.commands()] == [begun(2).id]


def test_a_document_replaces_the_one_before(memory: Memory) -> None:
    assert memory.document("desired") is None
    memory.store_document("desired", b"one")
    memory.store_document("desired", b"two")
    assert memory.document("desired") == b"two"


def test_two_agents_do_not_share_a_memory(memory: Memory, path: Path) -> None:
    with pytest.raises(InUse):
        Memory(path)


@pytest.mark.parametrize("damage", ["rubbish", "a page", "no table", *ROTTEN])
def test_a_damaged_file_is_set_aside_and_begun_anew(path: Path, damage: str) -> None:
    memory = Memory(path)
    for number in range(200):
        memory.begin(begun(number))
    memory.store_point(CHARGING, [SPENT])
    memory.close()
    if damage == "rubbish":
        path.write_bytes(b"rubbish" * 1000)
    elif damage == "a page":
        blob = bytearray(path.read_bytes())
        blob[8192:12288] = b"\xff" * 4096
        path.write_bytes(blob)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute(ROTTEN.get(damage, "DROP TABLE kept"))
        connection.close()
    again = Memory(path)
    assert again.set_aside == path.with_name("memory.db.damaged-1")
    assert (again.commands(), again.points()) == ([], {})
    lost = Spent(LOST, "minutes", NOBODY, "", UNDATED, 0)
    assert again.spent() == [lost], "what was used is not known, rather than nothing"
    again.begin(begun(1))
    again.close()


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "memory.db").mkdir()
    with pytest.raises(MemoryUnusable, match="cannot be opened"):
        Memory(tmp_path / "memory.db")
    (tmp_path / "memory.db").rmdir()
    Memory(tmp_path / "memory.db").close()


def test_a_lock_that_cannot_be_taken_is_said(tmp_path: Path) -> None:
    (tmp_path / "memory.db.lock").mkdir()
    with pytest.raises(MemoryUnusable, match="cannot be opened"):
        Memory(tmp_path / "memory.db")


def test_a_disk_that_takes_nothing_is_said_and_forgets_nothing(memory: Memory) -> None:
    memory.begin(begun(1))
    memory._connection.execute("PRAGMA query_only = 1")
    for act in (
        lambda: memory.begin(begun(2)),
        lambda: memory.finish(begun(1).id, b""),
        lambda: memory.store_document("a", b""),
        lambda: memory.store_point(CHARGING, [SPENT]),
        lambda: memory.date_spent(DAY * MINUTES_PER_DAY),
    ):
        with pytest.raises(MemoryUnusable):
            act()
    memory._connection.execute("PRAGMA query_only = 0")
    assert memory.commands() == [begun(1)]


def test_a_point_keeps_its_document_and_what_its_session_used_over_a_restart(path: Path) -> None:
    memory = Memory(path)
    memory.store_point(CHARGING, [SPENT])
    memory.store_point(CHARGING._replace(point="phone-2", at_ms=None))
    memory.store_point(CHARGING._replace(document=b"the same, later"), [SPENT._replace(amount=90_000)])
    memory.close()
    again = Memory(path)
    assert again.points() == {
        "phone-1": CHARGING._replace(document=b"the same, later"),
        "phone-2": CHARGING._replace(point="phone-2", at_ms=None),
    }
    assert again.spent() == [SPENT._replace(amount=90_000)]
    again.close()


def test_an_empty_document_keeps_nothing_but_what_was_used(memory: Memory) -> None:
    memory.store_point(CHARGING, [SPENT])
    memory.store_point(CHARGING._replace(document=b""), [SPENT._replace(amount=90_000)])
    assert (memory.points(), memory.spent()) == ({}, [SPENT._replace(amount=90_000)])


def test_a_document_and_what_was_used_are_kept_together_or_not_at_all(memory: Memory) -> None:
    memory._connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON uses BEGIN SELECT RAISE(FAIL, 'the disk is full'); END"
    )
    with pytest.raises(MemoryUnusable, match="the disk is full"):
        memory.store_point(CHARGING, [SPENT])
    assert (memory.points(), memory.spent()) == ({}, [])


def test_what_was_used_three_days_ago_is_forgotten(memory: Memory) -> None:
    """The day before yesterday may be the last day before this one, where a zone skipped a day."""
    for number, day in enumerate((DAY - 3, DAY - 2, DAY - 1, UNDATED, DAY)):
        memory.store_point(CHARGING, [SPENT._replace(session=f"{number:016x}", minute=day * MINUTES_PER_DAY)])
    memory.fold([], DAY - KEPT_DAYS + 1)
    assert [row.day for row in memory.spent()] == [DAY - 2, DAY - 1, UNDATED, DAY]


def test_what_has_no_day_is_given_one_and_so_is_what_lies_in_no_near_future(memory: Memory) -> None:
    for number, day in enumerate((DAY + 2, UNDATED, DAY, DAY + 1)):
        memory.store_point(CHARGING, [SPENT._replace(session=f"{number:016x}", minute=day * MINUTES_PER_DAY)])
    memory.date_spent(DAY * MINUTES_PER_DAY)
    assert [row.day for row in memory.spent()] == [DAY, DAY, DAY, DAY + 1]


@pytest.mark.parametrize(
    ("boot", "mono_ms", "at_ms", "age_ms"),
    [
        ("b7", 5_700, None, 700),
        ("b7", 5_700, NOW_MS + 99_000, 700),
        ("c8", 100, NOW_MS + 99_000, 99_000),
        ("c8", 100, NOW_MS - 1, 0),
        ("c8", 100, None, None),
    ],
    ids=["same boot, no clock", "same boot", "another boot", "set back meanwhile", "another boot, no clock"],
)
def test_how_old_a_document_is(boot: str, mono_ms: int, at_ms: int | None, age_ms: int | None) -> None:
    assert CHARGING.age_ms(boot, mono_ms, at_ms) == age_ms


def test_nobody_knows_how_old_a_document_of_another_boot_without_a_clock_is() -> None:
    assert CHARGING._replace(at_ms=None).age_ms("c8", 5_700, NOW_MS) is None


def test_a_memory_of_the_first_schema_is_opened_and_takes_what_points_keep(path: Path) -> None:
    copyfile(MEMORIES / "schema-1.db", path)
    memory = Memory(path)
    assert memory.set_aside is None
    assert memory.commands() == [
        begun(1)._replace(result=b"done"),
        StoredCommand(f"{2:032x}", "reboot", NOW_MS + 1, NOW_MS - 4, None),
    ]
    assert (memory.document("desired"), memory.points(), memory.spent()) == (b"a document", {}, [])
    memory.store_point(CHARGING, [SPENT])
    memory.close()
    again = Memory(path)
    assert (again.points(), again.spent()) == ({"phone-1": CHARGING}, [SPENT])
    again.close()


LENT = Loan("72696465726e6f31", "rider-phone", "minutes", DAY, DAY + 3, 2, 7_200_000, 1, 60_000, 0)


def test_loan_is_stored_with_its_use(path: Path) -> None:
    memory = Memory(path)
    memory.store_loan(LENT, [SPENT])
    memory.store_loan(LENT._replace(allowance=60_000), [SPENT._replace(amount=60_001)])
    memory.close()
    again = Memory(path)
    assert (again.loans(), again.spent()) == ([LENT._replace(allowance=60_000)], [SPENT._replace(amount=60_001)])
    again.close()


def test_loan_and_use_are_one_write(memory: Memory) -> None:
    memory._connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON uses BEGIN SELECT RAISE(FAIL, 'the disk is full'); END"
    )
    with pytest.raises(MemoryUnusable, match="the disk is full"):
        memory.store_loan(LENT, [SPENT])
    assert (memory.loans(), memory.spent()) == ([], [])


def test_folded_use_stays_with_its_loan(memory: Memory) -> None:
    """What sessions of before used of a month, in one transaction with the rows that go."""
    monthly = LENT._replace(period=24_000, last_day=DAY + 30)
    memory.store_point(CHARGING, [SPENT])
    memory.store_loan(LENT._replace(last_day=DAY), [])
    memory.fold([monthly._replace(folded=60_000)], DAY + 1)
    assert (memory.loans(), memory.spent()) == ([monthly._replace(folded=60_000)], [])


def test_second_schema_keeps_what_was_used(path: Path) -> None:
    """A session's minutes and energy stood in one row."""
    connection = files.open_made(path, "memory", commands_and_kept, points_and_spent)
    for row in (("a", DAY, "72696465726e6f31", "rider-phone", 60_000, 1_500), (LOST, UNDATED, "", "", 0, 0)):
        connection.execute("INSERT INTO spent VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    memory = Memory(path)
    minutes = SPENT._replace(session="a")
    assert set(memory.spent()) == {
        minutes,
        minutes._replace(unit="wh", amount=1_500),
        Spent(LOST, "minutes", NOBODY, "", UNDATED, 0),
        Spent(LOST, "wh", NOBODY, "", UNDATED, 0),
    }
    assert memory.loans() == []
    memory.close()
