"""Judges a run of chaos by what it left behind, and by nothing that the code under test says of itself.

Every row that is durable on a device is in the cloud once, with the same bytes. Every time a lock left its rest, a row
says why, or one of the exceptions that the product states: an exit button opens also while no agent lives, an emergency
frees its zone, and a free passage that waited 20 ms for its row goes on without it. Every card that a living device
read was decided. No command was carried out twice.

Who may pass where, and how long a lock may be open, is judged in virtual time (``audit``): there no machine is busy, so
every opening belongs to one card for certain.
"""

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from firmware_sim.worlds.chaos import evidence as evidence
from firmware_sim.worlds.chaos.evidence import SECOND_NS, Cloud, Entry, Journal, Row, Word

SLACK_NS = SECOND_NS // 20
"""Between an event's whole milliseconds and the pin."""
WAITS_NS = {"door": 2 * SECOND_NS, "turnstile": 30 * SECOND_NS}
"""From the row to the lock: at a door the disk and a busy machine, at a turnstile also those who came before."""
BUTTON_NS = 2 * SECOND_NS
"""From the button to the lock and to its row, on a busy machine."""
DECIDED_NS = 5 * SECOND_NS
"""From the last bit of a card to its row, on a busy machine."""
AT_ONCE_NS = SECOND_NS // 5
"""From the last bit of a card to its row, if the device was whole and idle."""
UNWRITTEN_NS = SECOND_NS
"""An agent that is killed so soon after a lock was opened may have had no time to write the row that was late."""
AWAY_NS = 2 * SECOND_NS
"""A card read so shortly before a device's keeper or agent was killed may find nobody who decides."""
ENDLESS_NS = 1 << 62


Complain = Callable[[str], None]


class Span(NamedTuple):
    """From when until when something was so, by the machine's monotonic clock."""

    start_ns: int
    end_ns: int

    def touches(self, start_ns: int, end_ns: int) -> bool:
        return self.start_ns <= end_ns and start_ns <= self.end_ns


class Verdict(Struct):
    """What can be said against a run. ``events`` are the rows on the devices, ``badges`` the cards that were read.

    ``lost`` counts rows that the cloud lacks or has with other bytes, and rows that it promised to have and had not;
    ``doubled`` what it has more than once, ``invented`` what no device has written. The moves of a
    lock that no row explains, but a stated exception does, are ``in_emergency``, ``out_alone`` (by the exit button
    while no agent lived) and ``unwritten`` (the agent was killed before the disk had taken a row that was late).
    """

    events: int = 0
    lost: int = 0
    doubled: int = 0
    invented: int = 0
    moves: int = 0
    unrecorded_moves: int = 0
    in_emergency: int = 0
    out_alone: int = 0
    unwritten: int = 0
    badges: int = 0
    undecided: int = 0
    late: int = 0
    commands_done: int = 0
    commands_twice: int = 0
    complaints: list[str] = []

    @property
    def clean(self) -> bool:
        faults = self.lost, self.doubled, self.invented, self.unrecorded_moves, self.undecided, self.commands_twice
        return not any(faults) and not self.complaints


def broken_promises(folder: Path, promised: Mapping[tuple[str, str], int]) -> Iterator[tuple[tuple[str, str], int]]:
    """The devices and journals of which the cloud has less on its disk than was promised, and by how many rows."""
    with Cloud(folder) as cloud:
        for (device, journal), upto in promised.items():
            missing = cloud.missing(device, journal, upto)
            if missing:
                yield (device, journal), missing


def audit(folder: Path) -> Verdict:
    """Judge what lies in the folder of a town that has ended."""
    verdict = Verdict()
    diary = evidence.read_diary(folder)
    with Cloud(folder) as cloud:
        verdict.complaints += cloud.suspects()
        for device in evidence.devices(folder):
            complain = _complainer(verdict, device.name)
            journal, stored = evidence.read_journal(device), cloud.rows(device.name)
            verdict.events += len(journal.rows)
            _judge_rows(verdict, complain, journal, stored)
            _judge_chain(complain, journal, cloud.tips(device.name))
            for name in evidence.set_aside(device):
                complain(f"set its journal aside as {name}")
            _Pins(verdict, complain, device, journal.rows, diary).judge()
    return verdict


def _complainer(verdict: Verdict, name: str) -> Complain:
    return lambda what: verdict.complaints.append(f"{name}: {what}")


def _judge_rows(verdict: Verdict, complain: Complain, journal: Journal, stored: Sequence[Row]) -> None:
    in_cloud = Counter((row.journal, row.seq, row.stored) for row in stored)
    on_device = {(row.journal, row.seq, row.stored) for row in journal.rows}
    lost = sorted(seq for _, seq, _ in on_device - in_cloud.keys())
    if lost:
        complain(f"{len(lost)} rows are not in the cloud, or not with these bytes; the first is {lost[0]}")
    invented = sorted(
        seq for name, seq, _ in in_cloud.keys() - on_device if name != journal.id or seq > journal.base_seq
    )
    if invented:
        complain(f"{len(invented)} rows of the cloud are in no journal; the first is {invented[0]}")
    told, written = Counter(row.happening for row in stored), Counter(row.happening for row in journal.rows)
    doubled = sum(max(0, count - max(1, written[what])) for what, count in told.items())
    if doubled:
        complain(f"{doubled} rows of the cloud tell once more what another tells")
    verdict.lost += len(lost)
    verdict.invented += len(invented)
    verdict.doubled += doubled
    verdict.late += sum(row.kind == "device.late_record" for row in journal.rows)
    done = Counter(row.data.get("id") for row in stored if row.kind == "command.done")
    verdict.commands_done += len(done)
    verdict.commands_twice += sum(count - 1 for count in done.values())


def _judge_chain(complain: Complain, journal: Journal, tips: Mapping[str, tuple[int, bytes]]) -> None:
    tip, last = journal.base_link, journal.base_seq
    links = {last: tip}
    for row, link in zip(journal.rows, journal.links, strict=True):
        tip = hashlib.sha256(tip + row.stored).digest()
        if row.seq != last + 1 or link != tip:
            complain(f"row {row.seq} of the journal does not follow row {last}")
            return
        last = row.seq
        links[last] = tip
    for name, (upto, cloud_tip) in tips.items():
        if name == journal.id and upto >= journal.base_seq and links.get(upto) != cloud_tip:
            complain(f"the cloud's chain has another link at row {upto}")


class _Pins:
    """Holds one device's rows against what its board saw."""

    def __init__(
        self, verdict: Verdict, complain: Complain, device: Path, rows: Sequence[Row], diary: Sequence[Entry]
    ) -> None:
        self._verdict, self._complain = verdict, complain
        self._wiring = evidence.read_wiring(device)
        self._moves = evidence.read_moves(device, self._wiring.pins)
        ahead_ns = next(entry.ahead_ns for entry in diary if entry.what == "clocks")
        self._rows = [(row.mono_ms * 1_000_000 - ahead_ns, row) for row in rows]
        self._badges = _noted(diary, device.name, "badge")
        self._commands = _noted(diary, device.name, "command")
        self._agent_ends = _noted(diary, f"{device.name} agent", "killed", "crashed")
        keeper_ends = _noted(diary, f"{device.name} keeper", "killed", "crashed")
        self._away = list(self._absences(self._agent_ends + keeper_ends))

    def judge(self) -> None:
        self._judge_badges()
        self._judge_moves()

    def _absences(self, ends: Iterable[int]) -> Iterator[Span]:
        """Whenever agent or keeper was killed, until an agent has found a keeper again."""
        found = self._times("device.keeper_found")
        for at_ns in ends:
            later = bisect_right(found, at_ns)
            yield Span(at_ns, found[later] if later < len(found) else ENDLESS_NS)

    def _judge_badges(self) -> None:
        decided = _Causes(self._times("access.allowed", "access.refused"))
        self._verdict.badges += len(self._badges)
        for at_ns in self._badges:
            excused = any(away.touches(at_ns - SLACK_NS, at_ns + AWAY_NS) for away in self._away)
            # A card that perhaps nobody read must not take the row of the next one.
            within_ns = AT_ONCE_NS if excused else DECIDED_NS
            if not decided.claim(at_ns - SLACK_NS, at_ns + within_ns) and not excused:
                self._verdict.undecided += 1
                self._complain(f"nobody decided about the card of {at_ns}")

    def _judge_moves(self) -> None:
        allowed, commands = _Causes(self._times("access.allowed")), _Causes(self._times("command.done"))
        waits_ns = WAITS_NS[self._wiring.kind]
        emergencies = list(self._emergencies())
        for at_ns in self._went(self._wiring.lock):
            self._verdict.moves += 1
            if any(span.touches(at_ns, at_ns) for span in emergencies):
                self._verdict.in_emergency += 1
                continue
            explains = self._button_explains(at_ns)
            if explains or any(one.claim(at_ns - waits_ns, at_ns + SLACK_NS) for one in (allowed, commands)):
                continue
            if self._button_excuses(at_ns):
                self._verdict.out_alone += 1
                continue
            if self._was_unwritten(at_ns, waits_ns):
                self._verdict.unwritten += 1
                continue
            self._verdict.unrecorded_moves += 1
            self._complain(f"the lock left its rest at {at_ns}, and no row says why")

    def _button_explains(self, at_ns: int) -> bool:
        return any(
            any(pressed_ns - SLACK_NS <= row_ns <= pressed_ns + BUTTON_NS for row_ns in self._times("door.exit_button"))
            for pressed_ns in self._presses(at_ns)
        )

    def _button_excuses(self, at_ns: int) -> bool:
        """The keeper opens by itself; where no agent lived, nobody wrote it down."""
        return any(
            away.touches(pressed_ns, pressed_ns + BUTTON_NS)
            for pressed_ns in self._presses(at_ns)
            for away in self._away
        )

    def _presses(self, before_ns: int) -> list[int]:
        button = self._wiring.exit_button
        return [] if button is None else [one for one in self._went(button) if 0 <= before_ns - one <= BUTTON_NS]

    def _was_unwritten(self, at_ns: int, waits_ns: int) -> bool:
        """A card was read or a command came, the row was late, and the agent was killed before the disk had it."""
        asked = any(0 <= at_ns - asked_ns <= waits_ns for asked_ns in self._badges + self._commands)
        return asked and any(-SLACK_NS <= end_ns - at_ns <= UNWRITTEN_NS for end_ns in self._agent_ends)

    def _emergencies(self) -> Iterator[Span]:
        """From each opening of the fire loop to the last turn of the key before the next one."""
        began, keys = self._went(self._wiring.fire), self._went(self._wiring.reset)
        for at_ns, next_ns in pairwise([*began, ENDLESS_NS]):
            turned = [key_ns for key_ns in keys if at_ns < key_ns < next_ns]
            yield Span(at_ns, turned[-1] + SECOND_NS if turned else next_ns)

    def _went(self, pin: tuple[int, bool]) -> list[int]:
        """When a pin became active."""
        return [move.at_ns for move in self._moves if (move.pin, move.level) == pin]

    def _times(self, *kinds: str) -> list[int]:
        return [at_ns for at_ns, row in self._rows if row.kind in kinds]


def _noted(diary: Sequence[Entry], where: str, *what: Word) -> list[int]:
    return [entry.at_ns for entry in diary if entry.where == where and entry.what in what]


class _Causes:
    """Things that explain one other thing each: the oldest that fits is taken."""

    def __init__(self, times_ns: Sequence[int]) -> None:
        self._left = sorted(times_ns)

    def claim(self, start_ns: int, end_ns: int) -> bool:
        at_ns = next((one for one in self._left if start_ns <= one <= end_ns), None)
        if at_ns is None:
            return False
        self._left.remove(at_ns)
        return True
