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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from firmware_sim.worlds.chaos import evidence
from firmware_sim.worlds.chaos.evidence import SECOND_NS, Entry, Journal, Row, Word

SLACK_NS = SECOND_NS // 20
"""Between an event's whole milliseconds and the pin."""
WAITS_NS = {"door": 2 * SECOND_NS, "turnstile": 30 * SECOND_NS}
"""From the row to the lock: at a door the disk and a busy machine, at a turnstile also those who came before."""
BUTTON_NS = 2 * SECOND_NS
"""From the button to the lock and to its row, on a busy machine."""
DECIDED_NS = 5 * SECOND_NS
"""From the last bit of a card to its row, on a busy machine."""
COUNTED_NS = 60 * SECOND_NS
"""The minute whose unknown cards beyond the first few a device counts in one row."""
AT_ONCE_NS = SECOND_NS // 5
"""From the last bit of a card to its row, if the device was whole and idle."""
UNWRITTEN_NS = SECOND_NS
"""An agent that is killed so soon after a lock was opened may have had no time to write the row that was late."""
AWAY_NS = 2 * SECOND_NS
"""A card read so shortly before a device's keeper or agent was killed may find nobody who decides."""
ENDLESS_NS = 1 << 62


class Interval(NamedTuple):
    """From when until when something was so, by the machine's monotonic clock."""

    start_ns: int
    end_ns: int

    def touches(self, start_ns: int, end_ns: int) -> bool:
        return self.start_ns <= end_ns and start_ns <= self.end_ns


class Figures(Struct, kw_only=True):
    """What a run of chaos ends with. ``events`` are the rows on the devices, ``badges`` the cards that were read.

    ``lost`` counts rows that the cloud lacks or has with other bytes, and rows that it promised to have and had not;
    ``doubled`` what it has more than once, ``invented`` what no device has written. The moves of a
    lock that no row explains, but a stated exception does, are ``in_emergency``, ``out_alone`` (by the exit button
    while no agent lived) and ``unwritten`` (the agent was killed before the disk had taken a row that was late).
    ``redecided`` counts the decisions that the cloud, asked afterwards, decides the same again by the facts in their
    rows, ``decided_otherwise`` those that it decides in another way.
    ``drain_s`` is how long the cloud took, once the trouble was over, for every row that was written by then.
    """

    lost: int = 0
    doubled: int = 0
    resent_percent: float = 0.0
    commands_twice: int = 0
    unrecorded_moves: int = 0
    kills: int = 0
    cuts: int = 0
    events: int = 0
    drain_s: float = 0.0
    invented: int = 0
    moves: int = 0
    in_emergency: int = 0
    out_alone: int = 0
    unwritten: int = 0
    badges: int = 0
    undecided: int = 0
    redecided: int = 0
    decided_otherwise: int = 0
    late: int = 0
    commands: int = 0
    commands_done: int = 0
    at_acks: int = 0
    killed: dict[str, int] = {}
    crashes: int = 0
    minutes: float = 0.0
    devices: int = 0
    seed: int = 0
    plan: str = ""
    ok: bool = False


class Verdict(Figures, kw_only=True):
    """The figures, and what can be said against a run, in words. What no file tells is added by whoever ran it."""

    complaints: list[str] = []

    @property
    def clean(self) -> bool:
        rows = self.lost, self.doubled, self.invented
        acts = self.unrecorded_moves, self.undecided, self.decided_otherwise, self.commands_twice
        return not any(rows + acts) and not self.complaints


def broken_promises(folder: Path, promised: Mapping[tuple[str, str], int]) -> Iterator[tuple[tuple[str, str], int]]:
    """The devices and journals of which the cloud has less on its disk than was promised, and by how many rows."""
    with evidence.open_cloud(folder) as cloud:
        for (device, journal), upto in promised.items():
            missing = evidence.missing_rows(cloud, device, journal, upto)
            if missing:
                yield (device, journal), missing


def audit(folder: Path) -> Verdict:
    """Judge what lies in the folder of a town that has ended."""
    diary = evidence.read_diary(folder)
    with evidence.open_cloud(folder) as cloud:
        verdict = Verdict(complaints=evidence.suspects(cloud))
        for device in evidence.devices(folder):
            journal, stored = evidence.read_journal(device), evidence.stored_rows(cloud, device.name)
            pins = _PinAudit(verdict, device, journal.rows, diary)
            complaints = chain(
                _judge_rows(verdict, journal, stored),
                _judge_chain(journal, evidence.tips(cloud, device.name)),
                (f"set its journal aside as {name}" for name in evidence.set_aside(device)),
                pins.judge_badges(),
                pins.judge_moves(),
            )
            verdict.complaints += [f"{device.name}: {complaint}" for complaint in complaints]
    return verdict


def _judge_rows(verdict: Verdict, journal: Journal, stored: Sequence[Row]) -> Iterator[str]:
    in_cloud = Counter((row.journal, row.seq, row.stored) for row in stored)
    on_device = {(row.journal, row.seq, row.stored) for row in journal.rows}
    lost = sorted(seq for _, seq, _ in on_device - in_cloud.keys())
    if lost:
        yield f"{len(lost)} rows are not in the cloud, or not with these bytes; the first is {lost[0]}"
    invented = sorted(
        seq for name, seq, _ in in_cloud.keys() - on_device if name != journal.id or seq > journal.base_seq
    )
    if invented:
        yield f"{len(invented)} rows of the cloud are in no journal; the first is {invented[0]}"
    told, written = Counter(row.happening for row in stored), Counter(row.happening for row in journal.rows)
    doubled = sum(max(0, count - max(1, written[what])) for what, count in told.items())
    if doubled:
        yield f"{doubled} rows of the cloud tell once more what another tells"
    verdict.events += len(journal.rows)
    verdict.lost += len(lost)
    verdict.invented += len(invented)
    verdict.doubled += doubled
    verdict.late += sum(row.kind == "device.late_record" for row in journal.rows)
    done = Counter(row.data.get("id") for row in stored if row.kind == "command.done")
    verdict.commands_done += len(done)
    verdict.commands_twice += done.total() - len(done)


def _judge_chain(journal: Journal, tips: Mapping[str, tuple[int, bytes]]) -> Iterator[str]:
    tip, last = journal.base_link, journal.base_seq
    links = {last: tip}
    for row, link in zip(journal.rows, journal.links, strict=True):
        tip = hashlib.sha256(tip + row.stored).digest()
        if row.seq != last + 1 or link != tip:
            yield f"row {row.seq} of the journal does not follow row {last}"
            return
        last = row.seq
        links[last] = tip
    for name, (upto, cloud_tip) in tips.items():
        if name == journal.id and upto >= journal.base_seq and links.get(upto) != cloud_tip:
            yield f"the cloud's chain has another link at row {upto}"


class _PinAudit:
    """Holds one device's rows against what its board saw."""

    def __init__(self, verdict: Verdict, device: Path, rows: Sequence[Row], diary: Sequence[Entry]) -> None:
        self._verdict = verdict
        self._wiring = evidence.read_wiring(device)
        self._moves = evidence.read_moves(device, self._wiring)
        ahead_ns = next(entry.ahead_ns for entry in diary if entry.what == "clocks")
        self._rows = [(row.mono_ms * 1_000_000 - ahead_ns, row) for row in rows]
        self._badges = _noted(diary, device.name, "badge")
        self._commands = _noted(diary, device.name, "command")
        self._agent_ends = _noted(diary, f"{device.name} agent", "killed", "crashed")
        keeper_ends = _noted(diary, f"{device.name} keeper", "killed", "crashed")
        self._away = list(self._absences(self._agent_ends + keeper_ends))

    def judge_badges(self) -> Iterator[str]:
        decided, counted = self._times("access.allowed", "access.refused"), self._counted()
        self._verdict.badges += len(self._badges)
        # A card that perhaps nobody read, or that was only counted, must not take the row of the next one: that would
        # take the row of the one behind it, and so on. So whoever was answered at once has their row first.
        late = [at_ns for at_ns in self._badges if not _claim(decided, at_ns - SLACK_NS, at_ns + AT_ONCE_NS)]
        for at_ns in late:
            if any(away.touches(at_ns - SLACK_NS, at_ns + AWAY_NS) for away in self._away):
                continue
            is_decided = _claim(decided, at_ns - SLACK_NS, at_ns + DECIDED_NS)
            if not is_decided and not _claim(counted, at_ns - COUNTED_NS, at_ns + COUNTED_NS):
                self._verdict.undecided += 1
                yield f"nobody decided about the card of {at_ns}"

    def judge_moves(self) -> Iterator[str]:
        causes = self._times("access.allowed"), self._times("command.done")
        waits_ns = WAITS_NS[self._wiring.kind]
        emergencies = list(self._emergencies())
        for at_ns in self._active(self._wiring.lock):
            self._verdict.moves += 1
            if any(emergency.touches(at_ns, at_ns) for emergency in emergencies):
                self._verdict.in_emergency += 1
            elif self._button_explains(at_ns) or any(
                _claim(times, at_ns - waits_ns, at_ns + SLACK_NS) for times in causes
            ):
                continue
            elif self._button_excuses(at_ns):
                self._verdict.out_alone += 1
            elif self._was_unwritten(at_ns, waits_ns):
                self._verdict.unwritten += 1
            else:
                self._verdict.unrecorded_moves += 1
                yield f"the lock left its rest at {at_ns}, and no row says why"

    def _absences(self, ends: Iterable[int]) -> Iterator[Interval]:
        """Whenever agent or keeper was killed, until an agent has found a keeper again."""
        found = self._times("device.keeper_found")
        for at_ns in ends:
            later = bisect_right(found, at_ns)
            yield Interval(at_ns, found[later] if later < len(found) else ENDLESS_NS)

    def _button_explains(self, at_ns: int) -> bool:
        return any(
            pressed_ns - SLACK_NS <= row_ns <= pressed_ns + BUTTON_NS
            for pressed_ns in self._presses(at_ns)
            for row_ns in self._times("door.exit_button")
        )

    def _button_excuses(self, at_ns: int) -> bool:
        """The keeper opens by itself; where no agent lived, nobody wrote it down."""
        return any(
            away.touches(pressed_ns, pressed_ns + BUTTON_NS)
            for pressed_ns in self._presses(at_ns)
            for away in self._away
        )

    def _presses(self, before_ns: int) -> list[int]:
        """When the exit button was pressed shortly before."""
        button = self._wiring.exit_button
        return [at_ns for at_ns in self._active(button) if 0 <= before_ns - at_ns <= BUTTON_NS] if button else []

    def _was_unwritten(self, at_ns: int, waits_ns: int) -> bool:
        """A card was read or a command came, the row was late, and the agent was killed before the disk had it."""
        asked = any(0 <= at_ns - asked_ns <= waits_ns for asked_ns in self._badges + self._commands)
        return asked and any(-SLACK_NS <= end_ns - at_ns <= UNWRITTEN_NS for end_ns in self._agent_ends)

    def _emergencies(self) -> Iterator[Interval]:
        """From each opening of the fire loop to the last turn of the key before the next one."""
        began, keys = self._active(self._wiring.fire), self._active(self._wiring.reset)
        for at_ns, next_ns in pairwise([*began, ENDLESS_NS]):
            turned = [key_ns for key_ns in keys if at_ns < key_ns < next_ns]
            yield Interval(at_ns, turned[-1] + SECOND_NS if turned else next_ns)

    def _active(self, pin: tuple[int, bool]) -> list[int]:
        """When a pin became active."""
        return [move.at_ns for move in self._moves if (move.pin, move.level) == pin]

    def _counted(self) -> list[int]:
        """When unknown cards were written down as a number of them, once for each."""
        rows = ((at_ns, row.data) for at_ns, row in self._rows if row.kind == "reader.invalid_read")
        return [at_ns for at_ns, said in rows if said.get("why") == "unknown_cards" for _ in range(said["count"])]

    def _times(self, *kinds: str) -> list[int]:
        """When rows of these kinds were written, in order."""
        return sorted(at_ns for at_ns, row in self._rows if row.kind in kinds)


def _noted(diary: Sequence[Entry], where: str, *what: Word) -> list[int]:
    return [entry.at_ns for entry in diary if entry.where == where and entry.what in what]


def _claim(times_ns: list[int], start_ns: int, end_ns: int) -> bool:
    """Whether one of these times lies there. It is taken out, the oldest first: each explains one thing only."""
    at_ns = next((time_ns for time_ns in times_ns if start_ns <= time_ns <= end_ns), None)
    if at_ns is not None:
        times_ns.remove(at_ns)
    return at_ns is not None
