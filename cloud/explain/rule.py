"""What opened a point, as far as the rows of its device's journal say so. Pure.

Every opening has a cause, and every reason to doubt the answer has an interval: rows that are lost, a device that did
not run, a clock that nobody had set. Where no row explains an opening, that is what the answer says.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from string import hexdigits
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from contract.archetypes import PortalKind, SessionKind
from contract.commands import COMMANDS
from contract.decide import MINUTE_MS, Mode
from contract.device_events import CommandEvents, DeviceEvents, EmergencyEvents, JournalEvents
from contract.events import holder_in
from contract.reasons import Reason
from contract.sealing import DIGEST_BYTES

AROUND_MS = 2 * MINUTE_MS
"""An opening this near to the moment that somebody asks about is part of the answer: people read clocks that differ."""
MAX_OPENINGS = 20
"""In one answer; those nearest to the moment."""


class Cause(StrEnum):
    """What an opening came from. ``CODE`` is told from ``CARD`` by the register of credentials, not by the journal. No
    journal tells ``KEY``: a mechanical key leaves no trace, unless a contact shows that the door was opened."""

    CARD = "card"
    CODE = "code"
    OVERRIDE = "override"
    REMOTE = "remote"
    EXIT_CARD = "exit_card"
    EXIT_BUTTON = "exit_button"
    EXIT = "exit"
    HELD_OPEN = "held_open"
    EMERGENCY = "emergency"
    RELEASED = "released"
    FORCED = "forced"
    KEY = "key"
    FOLLOWED = "followed"
    UNKNOWN = "unknown"


MAY_BE: Mapping[Cause, tuple[Cause, ...]] = {
    Cause.FORCED: (Cause.FORCED, Cause.KEY, Cause.EXIT),
    Cause.UNKNOWN: (Cause.KEY, Cause.UNKNOWN),
}
"""What the device cannot tell apart: behind a door that was opened while it was locked, and where nothing on record
says what opened it. Every other cause is the one that is recorded."""


class GapReason(StrEnum):
    """Why an answer is in doubt."""

    LOST = "lost"
    MISSING = "missing"
    UNWRITTEN = "unwritten"
    RESTART = "restart"
    KEEPER = "keeper"
    CLOCK = "clock"
    UNHEARD = "unheard"
    FORGOTTEN = "forgotten"
    NOT_BEGUN = "not_begun"
    TOO_MANY = "too_many"


class Happened(Struct, frozen=True):
    """A row of a journal. It happened between ``from_ms`` and ``to_ms``: one moment where the clock was right.
    ``point`` is empty for the device itself. ``is_dated``: somebody knew the time, then or later."""

    arrival: int
    seq: int
    kind: str
    from_ms: int
    to_ms: int
    data: Mapping[str, Any]
    point: str = ""
    is_dated: bool = True

    @property
    def what(self) -> str:
        """The kind without its family: every kind of portal calls the same by the same word."""
        return self.kind.partition(".")[2]


class PointOpening(Struct, frozen=True):
    """One opening of a point. It began between ``from_ms`` and ``to_ms``; ``until_ms`` is the end of what lasts, such
    as an emergency, None while it has none. ``passed`` says whether somebody went through, None where no sensor tells.
    ``arrival`` is the event that says so. ``detail`` is a word more: the cause of an emergency."""

    cause: Cause
    arrival: int
    from_ms: int
    to_ms: int
    lasts: bool = False
    until_ms: int | None = None
    passed: bool | None = None
    holder: str = ""
    digest: str = ""
    direction: str = ""
    by: str = ""
    reason: str = ""
    detail: str = ""

    def touches(self, from_ms: int, to_ms: int) -> bool:
        """Whether it may have been open within this interval."""
        end_ms = self.to_ms if not self.lasts else self.until_ms
        return self.from_ms <= to_ms and (end_ms is None or end_ms >= from_ms)

    def distance_ms(self, at_ms: int) -> int:
        """How far it lies from a moment."""
        end_ms = self.to_ms if not self.lasts else self.until_ms
        return max(0, self.from_ms - at_ms, 0 if end_ms is None else at_ms - end_ms)


class RecordGap(Struct, frozen=True):
    """An interval in which more may have happened than the answer knows. ``to_ms`` is None for one that has no end
    yet. ``count`` is how many rows it is about, 0 where nobody knows."""

    why: GapReason
    from_ms: int
    to_ms: int | None
    count: int = 0

    def touches(self, from_ms: int, to_ms: int) -> bool:
        return self.from_ms <= to_ms and (self.to_ms is None or self.to_ms >= from_ms)


class Account(Struct, frozen=True):
    """What rows say, one behind the other."""

    openings: tuple[PointOpening, ...]
    doubts: tuple[RecordGap, ...]


class Answer(Struct, frozen=True):
    """What opened a point between ``start_ms`` and ``end_ms``: the openings, those nearest to the moment first, and all
    reasons to doubt that these were all. ``before`` and ``after`` are the openings next to them, whoever it was."""

    start_ms: int
    end_ms: int
    openings: tuple[PointOpening, ...]
    doubts: tuple[RecordGap, ...]
    before: PointOpening | None
    after: PointOpening | None


_BY_REASON: Mapping[str, Cause] = {
    Reason.FREE_EXIT: Cause.EXIT_CARD,
    Reason.HELD_OPEN: Cause.HELD_OPEN,
    Reason.OVERRIDE: Cause.OVERRIDE,
}
_OPENING_COMMANDS = frozenset(
    command.op
    for command in COMMANDS.values()
    if command.scope == "point" and command.moves and command.op != "session_stop"
)
_STANDING = frozenset(one.kind for one in (EmergencyEvents.began, EmergencyEvents.standing, EmergencyEvents.worsened))


def account_of(rows: Sequence[Happened], point: str, zone: str) -> Account:
    """What these rows of one journal say of a point, which stands in this zone. They are in their order; rows of before
    that tell of what still lasted may stand first."""
    account = _Account(point, zone)
    for before, row in pairwise((None, *rows)):
        assert row is not None  # noqa: S101 - only the first of the pairs has none
        account.read(row, before)
    return Account(tuple(account.openings), tuple(account.doubts))


def holes(rows: Sequence[Happened]) -> list[RecordGap]:
    """Where rows are missing that nothing stands for: they were unreadable, or are kept no longer."""
    return [
        RecordGap(GapReason.MISSING, before.from_ms, after.to_ms, after.seq - before.seq - 1)
        for before, after in pairwise(rows)
        if after.seq > before.seq + 1 and after.kind != JournalEvents.gap.kind
    ]


def undated(rows: Iterable[Happened]) -> list[RecordGap]:
    """The intervals of rows whose time nobody ever learned."""
    return [RecordGap(GapReason.CLOCK, row.from_ms, row.to_ms, 1) for row in rows if not row.is_dated]


def answer(accounts: Iterable[Account], more: Iterable[RecordGap], from_ms: int, to_ms: int) -> Answer:
    """What is known of the time from ``from_ms`` to ``to_ms``, and a little around it."""
    read = list(accounts)
    openings = sorted((one for account in read for one in account.openings), key=lambda one: one.from_ms)
    doubts = [*(one for account in read for one in account.doubts), *more]
    start_ms, end_ms = from_ms - AROUND_MS, to_ms + AROUND_MS
    near = [one for one in openings if one.touches(start_ms, end_ms)]
    middle_ms = (from_ms + to_ms) // 2
    before = [one for one in openings if one not in near and one.from_ms < start_ms]
    after = [one for one in openings if one not in near and one.from_ms > end_ms]
    return Answer(
        start_ms,
        end_ms,
        tuple(sorted(near, key=lambda one: (one.distance_ms(middle_ms), one.lasts))[:MAX_OPENINGS]),
        tuple(_merged(one for one in doubts if one.touches(start_ms, end_ms))),
        before[-1] if before else None,
        after[0] if after else None,
    )


def _merged(doubts: Iterable[RecordGap]) -> list[RecordGap]:
    """Doubts of one sort that touch each other are one."""
    merged: list[RecordGap] = []
    for one in sorted(doubts, key=lambda doubt: (doubt.why, doubt.from_ms)):
        last = merged[-1] if merged else None
        if last and last.why is one.why and (last.to_ms is None or one.from_ms <= last.to_ms):
            ends = None if last.to_ms is None or one.to_ms is None else max(last.to_ms, one.to_ms)
            merged[-1] = replace(last, to_ms=ends, count=last.count + one.count)
        else:
            merged.append(one)
    return sorted(merged, key=lambda doubt: doubt.from_ms)


class _Account:
    """An account while it is read, row by row."""

    def __init__(self, point: str, zone: str) -> None:
        self.openings: list[PointOpening] = []
        self.doubts: list[RecordGap] = []
        self._point, self._zone = point, zone

    def read(self, row: Happened, before: Happened | None) -> None:
        if row.point == self._point:
            self._read_point(row)
        elif not row.point:
            self._read_device(row, before)

    def _read_point(self, row: Happened) -> None:
        data = row.data
        match row.kind, row.what:
            case PortalKind.allowed.kind, _:
                self._open(row, _BY_REASON.get(str(data.get("reason")), Cause.CARD))
            case CommandEvents.done.kind, _ if data.get("op") in _OPENING_COMMANDS:
                self._open(row, Cause.REMOTE)
            case PortalKind.passed.kind, _:
                self._pass(row, passed=True)
            case PortalKind.not_entered.kind, _:
                self._pass(row, passed=False)
            case SessionKind.started.kind, _:
                self._pass(row, passed=True)
            case _, "exit_button":
                self._open(row, Cause.EXIT_BUTTON)
            case _, "exited":
                self._exit(row)
            case _, "forced":
                self._open(row, Cause.FORCED)
            case _, "tailgated":
                self._open(row, Cause.FOLLOWED, passed=True)
            case _, "held" | "shut":
                self._was_open(row)
            case _, "hard_release":
                self._last(row, Cause.RELEASED, begins=bool(data.get("active")))
            case _, "mode":
                self._last(row, Cause.HELD_OPEN, begins=data.get("mode") == Mode.HOLD_OPEN)

    def _read_device(self, row: Happened, before: Happened | None) -> None:
        since_ms = row.from_ms if before is None else before.from_ms
        if row.kind in _STANDING and row.data.get("zone") == self._zone:
            self._last(row, Cause.EMERGENCY, begins=True)
        elif row.kind == EmergencyEvents.reset.kind and row.data.get("zone") == self._zone:
            self._last(row, Cause.EMERGENCY, begins=False)
        elif row.kind == DeviceEvents.started.kind:
            if before is not None:  # with the first start of all the records begin
                self.doubts.append(RecordGap(GapReason.RESTART, since_ms, row.to_ms))
            for cause in (Cause.EMERGENCY, Cause.RELEASED, Cause.HELD_OPEN):  # whatever still lasts is recorded again
                self._last(row, cause, begins=False)
            self._end_keeper(row)
        elif row.kind == DeviceEvents.keeper_lost.kind:
            self.doubts.append(RecordGap(GapReason.KEEPER, row.from_ms, None))
        elif row.kind == DeviceEvents.keeper_found.kind:
            self._end_keeper(row)
        elif row.kind == JournalEvents.gap.kind:
            self.doubts.append(RecordGap(GapReason.LOST, since_ms, row.to_ms, _number(row.data.get("count"))))
        elif row.kind == DeviceEvents.unlogged.kind:
            first_ms, last_ms = (_number(row.data.get(name)) for name in ("first_ms", "last_ms"))
            self.doubts.append(RecordGap(GapReason.UNWRITTEN, first_ms, last_ms, _number(row.data.get("count"))))

    def _open(self, row: Happened, cause: Cause, *, passed: bool | None = None, lasts: bool = False) -> None:
        holder = holder_in(row.data.get("holder"))
        direction, by = (str(row.data.get(name) or "") for name in ("direction", "by"))
        is_order = cause is Cause.REMOTE
        made = PointOpening(
            cause,
            row.arrival,
            row.from_ms,
            row.to_ms,
            lasts=lasts,
            passed=passed,
            reason=str(row.data.get("reason") or "") if is_order else "",
            detail=str(row.data.get("cause") or "") if cause is Cause.EMERGENCY else "",
            holder=holder.hex() if holder else "",
            digest=_digest_in(row.data.get("digest")),
            direction=direction,
            by=by,
        )
        self.openings.append(made)

    def _last(self, row: Happened, cause: Cause, *, begins: bool) -> None:
        """What frees the way for a while begins, or is over."""
        index = next((at for at, one in enumerate(self.openings) if _still_lasts(one, cause)), None)
        if begins and index is None:
            self._open(row, cause, lasts=True)
        elif not begins and index is not None:
            self.openings[index] = replace(self.openings[index], until_ms=row.to_ms)

    def _pass(self, row: Happened, *, passed: bool) -> None:
        """Somebody went through, or did not, whom the way was opened for. One for whom no row opened it is unknown."""
        who = str(row.data.get("holder") or ""), str(row.data.get("direction") or "")
        for index in reversed(range(len(self.openings))):
            one = self.openings[index]
            is_theirs = one.holder == who[0] and who[1] in ("", one.direction or "in")
            if one.passed is None and not one.lasts and is_theirs:
                self.openings[index] = replace(one, passed=passed)
                return
        if passed:
            self._open(row, Cause.UNKNOWN, passed=True)

    def _exit(self, row: Happened) -> None:
        last = self.openings[-1] if self.openings else None
        if last is not None and last.cause is Cause.EXIT_BUTTON and last.passed is None:
            self.openings[-1] = replace(last, passed=True)
        else:
            self._open(row, Cause.EXIT, passed=True)

    def _was_open(self, row: Happened) -> None:
        """It has stood open for a while. Nothing before it may say since when, or why."""
        open_ms = _number(row.data.get("open_ms"))
        began = replace(row, from_ms=row.from_ms - open_ms, to_ms=row.to_ms - open_ms)
        if not any(one.touches(began.from_ms - AROUND_MS, row.to_ms) for one in self.openings):
            self._open(began, Cause.UNKNOWN)

    def _end_keeper(self, row: Happened) -> None:
        for index, one in enumerate(self.doubts):
            if one.why is GapReason.KEEPER and one.to_ms is None:
                self.doubts[index] = replace(one, to_ms=row.to_ms)


def _still_lasts(one: PointOpening, cause: Cause) -> bool:
    return one.lasts and one.cause is cause and one.until_ms is None


def _digest_in(field: object) -> str:
    """A credential's digest in hex; empty for anything else that a device may say."""
    digits = field if isinstance(field, str) else ""
    return digits if len(digits) == 2 * DIGEST_BYTES and not digits.strip(hexdigits) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
