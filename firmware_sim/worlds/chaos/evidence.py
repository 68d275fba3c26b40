"""What a run of chaos left behind, read by code of its own: journals, the cloud's rows, the boards' logs, the diary.

It knows SQLite, JSON and MessagePack, and nothing of the code whose files it reads.
"""

import sqlite3
import time
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

SECOND_NS = 1_000_000_000
DEVICES, CLOUD, DIARY, MOVES = "devices", "cloud/cloud.db", "diary.jsonl", "moves.jsonl"

_ROWS = "SELECT seq, stored, link FROM rows ORDER BY seq"
_META = "SELECT id, base_seq, base_link FROM meta"
_STORED = """
    SELECT journals.journal, events.seq, events.stored FROM events
    JOIN journals ON journals.id = events.journal_id JOIN devices ON devices.id = journals.device_id
    WHERE devices.name = ? ORDER BY journals.id, events.seq"""
_TIPS = """
    SELECT journals.journal, journals.upto, journals.tip FROM journals
    JOIN devices ON devices.id = journals.device_id WHERE devices.name = ?"""
_SUSPECTS = "SELECT device, channel, why, detail FROM quarantine ORDER BY id"
_COUNT = """
    SELECT count(*) FROM events JOIN journals ON journals.id = events.journal_id
    JOIN devices ON devices.id = journals.device_id
    WHERE devices.name = ? AND journals.journal = ? AND events.seq <= ?"""

Word = Literal["clocks", "killed", "crashed", "started", "badge", "command"]


class Entry(Struct, frozen=True, omit_defaults=True):
    """A line of the diary: what was done or seen when, by the machine's monotonic clock.

    ``badge`` is a frame that ended at ``at_ns``; ``clocks`` says by how much the clock of the events is ahead.
    """

    at_ns: int
    what: Word
    where: str = ""
    ahead_ns: int = 0


class Diary:
    """Whoever runs the town writes down at once what was done to it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        ahead_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
        self._write(Entry(time.monotonic_ns(), "clocks", ahead_ns=ahead_ns))

    def note(self, what: Word, where: str, at_ns: int | None = None) -> None:
        self._write(Entry(time.monotonic_ns() if at_ns is None else at_ns, what, where))

    def close(self) -> None:
        self._file.close()

    def _write(self, entry: Entry) -> None:
        self._file.write(msgspec.json.encode(entry).decode() + "\n")


def read_diary(folder: Path) -> list[Entry]:
    """The entries in the order of time."""
    lines = (folder / DIARY).read_bytes().splitlines()
    return sorted((msgspec.json.decode(line, type=Entry) for line in lines), key=lambda entry: entry.at_ns)


class Row(NamedTuple):
    """A row of a device's journal, or of the cloud, and what its bytes say."""

    journal: str
    seq: int
    stored: bytes
    mono_ms: int
    kind: str
    data: dict[str, Any]

    @property
    def happening(self) -> tuple[object, ...]:
        """What it tells, without its number: the same may stand nowhere twice."""
        _, *rest = msgspec.msgpack.decode(self.stored)
        return tuple(repr(part) for part in rest)


def _row(journal: str, seq: int, stored: bytes) -> Row:
    _, _, mono_ms, _, _, _, kind, data = msgspec.msgpack.decode(stored)
    return Row(journal, seq, stored, mono_ms, kind, data)


class Journal(NamedTuple):
    """A device's journal as it lies on the disk: ``links`` are those of its rows, whose chain begins at the base."""

    id: str
    rows: list[Row]
    links: list[bytes]
    base_seq: int
    base_link: bytes


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)


def read_journal(device: Path) -> Journal:
    """All rows that a device still has."""
    with closing(_opened(device / "state" / "journal.db")) as connection:
        journal, base_seq, base_link = connection.execute(_META).fetchone()
        stored = connection.execute(_ROWS).fetchall()
    rows = [_row(journal, seq, event) for seq, event, _ in stored]
    return Journal(journal, rows, [link for *_, link in stored], base_seq, base_link)


def set_aside(device: Path) -> list[str]:
    """Journals that the device itself held to be damaged, or another's past."""
    return sorted(path.name for path in (device / "state").glob("*.db.*") if path.suffix != ".lock")


def last_seq(device: Path) -> tuple[str, int]:
    """A device's journal and its last row, also while the device writes."""
    with closing(_opened(device / "state" / "journal.db")) as connection:
        query = "SELECT id, coalesce((SELECT max(seq) FROM rows), base_seq) FROM meta"
        journal, seq = connection.execute(query).fetchone()
        return journal, seq


def devices(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / DEVICES).iterdir() if path.is_dir())


def open_cloud(folder: Path) -> closing[sqlite3.Connection]:
    """The cloud's database as it lies on the disk, also while it runs or after it was killed."""
    return closing(_opened(folder / CLOUD))


def stored_rows(cloud: sqlite3.Connection, device: str) -> list[Row]:
    return [_row(*columns) for columns in cloud.execute(_STORED, (device,))]


def tips(cloud: sqlite3.Connection, device: str) -> dict[str, tuple[int, bytes]]:
    """How far each journal of a device has come, and the link there."""
    return {journal: (upto, tip) for journal, upto, tip in cloud.execute(_TIPS, (device,))}


def missing_rows(cloud: sqlite3.Connection, device: str, journal: str, upto: int) -> int:
    """How many of the rows up to this one are not stored."""
    (count,) = cloud.execute(_COUNT, (device, journal, upto)).fetchone()
    return upto - int(count)


def suspects(cloud: sqlite3.Connection) -> list[str]:
    """What the cloud has put into quarantine."""
    return [
        f"{device}: {channel} in quarantine for {why}: {detail}"
        for device, channel, why, detail in cloud.execute(_SUSPECTS)
    ]


class Wiring(NamedTuple):
    """The pins of a device's one point, each with the level at which it is active."""

    kind: str
    lock: tuple[int, bool]
    exit_button: tuple[int, bool] | None
    fire: tuple[int, bool]
    reset: tuple[int, bool]


def read_wiring(device: Path) -> Wiring:
    config = tomllib.loads((device / "device.toml").read_text())
    (point,) = config["point"]
    (emergency,) = config["emergency"]
    (lock,) = (output for output in point["outputs"].values() if output["load"] != "power_to_run")
    button = point["inputs"].get("exit_button")
    return Wiring(
        point["kind"],
        (lock["pin"], lock.get("relay", "high") == "high"),
        None if button is None else _input(button),
        _input(emergency["input"]),
        _input(emergency["reset"]),
    )


def _input(wiring: dict[str, Any]) -> tuple[int, bool]:
    return wiring["pin"], wiring.get("active", "low") == "high"


class PinMove(Struct, frozen=True):
    """A line of a board's log."""

    at_ns: int
    pin: int
    level: bool


def read_moves(device: Path, wiring: Wiring) -> list[PinMove]:
    """What the pins of the wiring did, in the order of time, as the board wrote it down."""
    wired = {pin for pin, _ in filter(None, wiring[1:])}
    logs = [path for name in (f"{MOVES}.1", MOVES) if (path := device / name).exists()]
    moves = (msgspec.json.decode(line, type=PinMove) for path in logs for line in path.read_bytes().splitlines())
    return [move for move in moves if move.pin in wired]
