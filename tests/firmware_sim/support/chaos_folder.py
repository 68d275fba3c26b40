"""What a town of chaos leaves behind, written by hand: one gate, and every lie that a test wants told about it."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import msgpack

from firmware_sim.worlds.chaos.audit import Verdict, audit
from firmware_sim.worlds.chaos.evidence import SECOND_NS
from firmware_sim.worlds.demo.community import write_config

GATE, JOURNAL = "gate-1", "0123456789abcdef"
LOCK, BUTTON, FIRE, RESET = 17, 27, 26, 16
AHEAD_NS = 5 * SECOND_NS
"""By how much the clock of the events is ahead of the board's."""
START = bytes(32)

Happened = tuple[float, str, dict[str, Any]]
"""When, in seconds of the board's clock, and what."""


def event(seq: int, happened: Happened) -> bytes:
    at_s, kind, data = happened
    mono_ms = round(at_s * 1000) + AHEAD_NS // 1_000_000
    return msgpack.encode([seq, 1_800_000_000_000 + mono_ms, mono_ms, "boot", "synced", GATE, kind, data])


class Folder:
    """A gate whose device wrote these events, all of which the cloud has. The rest is added by the test."""

    def __init__(self, path: Path, *happened: Happened) -> None:
        self.path = path
        self.device = path / "devices" / GATE
        write_config(self.device, GATE, "door", "estate", "east-gate", 1883)
        self._moves: list[dict[str, Any]] = []
        self._diary: list[dict[str, Any]] = [{"at_ns": 0, "what": "clocks", "ahead_ns": AHEAD_NS}]
        self.stored = [event(seq, one) for seq, one in enumerate(happened, 1)]
        self.tip = START
        self._write_journal()
        self._write_cloud()

    def move(self, at_s: float, pin: int, level: bool) -> "Folder":
        self._moves.append({"at_ns": round(at_s * SECOND_NS), "pin": pin, "level": level, "cause": "host"})
        return self

    def note(self, at_s: float, what: str, where: str) -> "Folder":
        self._diary.append({"at_ns": round(at_s * SECOND_NS), "what": what, "where": where})
        return self

    def opened(self, at_s: float, for_s: float = 5.0) -> "Folder":
        return self.move(at_s, LOCK, True).move(at_s + for_s, LOCK, False)

    def pressed(self, at_s: float, pin: int = BUTTON) -> "Folder":
        return self.move(at_s, pin, False).move(at_s + 0.3, pin, True)

    def in_journal(self, statement: str, *values: object) -> "Folder":
        return self._do(self.device / "state" / "journal.db", statement, *values)

    def in_cloud(self, statement: str, *values: object) -> "Folder":
        return self._do(self.path / "cloud" / "cloud.db", statement, *values)

    def audit(self) -> Verdict:
        lines = {self.device / "moves.jsonl": self._moves, self.path / "diary.jsonl": self._diary}
        for file, entries in lines.items():
            file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        return audit(self.path)

    def _do(self, file: Path, statement: str, *values: object) -> "Folder":
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(statement, values)
        return self

    def _write_journal(self) -> None:
        (self.device / "state").mkdir()
        self.in_journal("CREATE TABLE meta (id, base_seq, base_link)")
        self.in_journal("CREATE TABLE rows (seq INTEGER PRIMARY KEY, stored, link)")
        self.in_journal("INSERT INTO meta VALUES (?, 0, ?)", JOURNAL, START)
        for seq, stored in enumerate(self.stored, 1):
            self.tip = hashlib.sha256(self.tip + stored).digest()
            self.in_journal("INSERT INTO rows VALUES (?, ?, ?)", seq, stored, self.tip)

    def _write_cloud(self) -> None:
        (self.path / "cloud").mkdir()
        self.in_cloud("CREATE TABLE devices (id INTEGER PRIMARY KEY, name)")
        self.in_cloud("CREATE TABLE journals (id INTEGER PRIMARY KEY, device_id, journal, upto, tip)")
        self.in_cloud("CREATE TABLE events (journal_id, seq, device_id, stored)")
        self.in_cloud("CREATE TABLE quarantine (id INTEGER PRIMARY KEY, device, channel, why, detail)")
        self.in_cloud("INSERT INTO devices VALUES (1, ?)", GATE)
        self.in_cloud("INSERT INTO journals VALUES (1, 1, ?, ?, ?)", JOURNAL, len(self.stored), self.tip)
        for seq, stored in enumerate(self.stored, 1):
            self.in_cloud("INSERT INTO events VALUES (1, ?, 1, ?)", seq, stored)
