"""What a device must not forget: commands it has begun, and documents it was told."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.files import InUse
from edge.memory import COMMANDS_LAST_MS, MAX_COMMANDS, Begun, Memory, MemoryUnusable

NOW_MS = 1_800_000_000_000
ROTTEN = {
    "a time": "UPDATE commands SET issued_ms = 'soon' WHERE rowid = 100",
    "a name": "UPDATE commands SET id = CAST(x'ff' AS TEXT) WHERE rowid = 100",
    "a note": "INSERT INTO kept VALUES ('commands.forgotten_ms', '18o')",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def memory(path: Path) -> Iterator[Memory]:
    opened = Memory(path)
    yield opened
    opened.close()


def begun(number: int, started_ms: int = NOW_MS) -> Begun:
    return Begun(f"{number:032x}", "open_once", started_ms, started_ms - 5, None)


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
    assert memory.kept("desired") is None
    memory.keep("desired", b"one")
    memory.keep("desired", b"two")
    assert memory.kept("desired") == b"two"


def test_two_agents_do_not_share_a_memory(memory: Memory, path: Path) -> None:
    with pytest.raises(InUse):
        Memory(path)


@pytest.mark.parametrize("damage", ["rubbish", "a page", "no table", *ROTTEN])
def test_a_damaged_file_is_set_aside_and_begun_anew(path: Path, damage: str) -> None:
    memory = Memory(path)
    for number in range(200):
        memory.begin(begun(number))
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
    assert again.commands() == []
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
    for act in (lambda: memory.begin(begun(2)), lambda: memory.finish(begun(1).id, b""), lambda: memory.keep("a", b"")):
        with pytest.raises(MemoryUnusable):
            act()
    memory._connection.execute("PRAGMA query_only = 0")
    assert memory.commands() == [begun(1)]
