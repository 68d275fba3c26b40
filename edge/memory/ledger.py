"""What holders have used today of their allotments on this device, session by session.

A session is spent on the local day on which it began. What is not known for certain counts as used: without a clock
all that may be of today does, and after a loss nobody can say what was used until the next day begins. What is said
here is in memory; it is written down with the document of the point that says it (see ``Memory.store_point``).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from contract.decide import NOTHING_USED, Allotment, Trust, Used, is_spent
from contract.schedules import wall_clock
from edge.archetypes.protocol import Spend
from edge.machine.clock import WallClock

UNDATED = 0
"""The day of a session that began while nobody knew the time."""
LOST = ""
"""The session that stands for all that a damaged file held."""
KEPT_DAYS = 3
"""Today, yesterday, where the sessions over midnight began, and the day before: a zone may skip one between."""
MAX_SESSIONS = 2_048
"""So many are remembered. Past that nobody can say what was used, rather than less than was."""


class Spent(NamedTuple):
    """A row of the ledger. ``day`` counts from the year 1; ``ms`` and ``mwh`` are what the session used in all."""

    session: str
    day: int
    holder: str
    allotment: str
    ms: int
    mwh: int


class Allotments(Protocol):
    """The part of the roster in use that says where days begin, and what each allotment holds."""

    @property
    def zone(self) -> ZoneInfo | None: ...

    @property
    def allotments(self) -> Mapping[str, Allotment]: ...


class UsageLedger:
    """The rows of one device, as they were found at the start and as its sessions add to them."""

    def __init__(self, rows: Iterable[Spent], clock: WallClock, roster: Allotments) -> None:
        self.on_dated: Callable[[int], object] = lambda day: None
        """Told, once the time is known, the day on which all that is undated counts from now on."""
        self._clock, self._roster = clock, roster
        self._rows = {row.session: row for row in rows}
        self._today = UNDATED

    def used(self, holder: str) -> Mapping[str, Used] | None:
        """What a holder has used today, by allotment; None if nobody can say."""
        today = self._turned_to_today()
        if len(self._rows) >= MAX_SESSIONS or (LOST in self._rows and self._counts(self._rows[LOST], today)):
            return None
        return self._used_on(today, holder)

    def spend(self, spent: Spend) -> bool:
        """Note what a session has used in all; what it has told before stands, said again or late. Returns whether the
        holder has nothing left of what the roster in use allots them for the day on which the session began."""
        today = self._turned_to_today()
        before = self._rows.get(spent.session)
        fresh = UNDATED if self._clock.trust is Trust.UNSET else today
        row = Spent(
            spent.session,
            before.day if before else fresh,
            spent.holder,
            spent.allotment,
            max(0, spent.used_ms, before.ms if before else 0),
            max(0, spent.used_mwh, before.mwh if before else 0),
        )
        self._rows[row.session] = row
        allotment = self._roster.allotments.get(row.allotment)
        used = self._used_on(row.day or today, row.holder)[row.allotment]
        return allotment is not None and is_spent(allotment, used)

    def rows(self, session: str) -> tuple[Spent, ...]:
        """What is to be written down of a session."""
        return (self._rows[session],) if session in self._rows else ()

    def _used_on(self, day: int, holder: str) -> dict[str, Used]:
        """What a holder has used on that day, by allotment."""
        used: dict[str, Used] = {}
        for row in self._rows.values():
            if row.holder == holder and self._counts(row, day):
                before = used.get(row.allotment, NOTHING_USED)
                used[row.allotment] = Used(before.ms + row.ms, before.mwh + row.mwh)
        return used

    def _counts(self, row: Spent, day: int) -> bool:
        """Whether a row counts for a day: it is of that day, or may be, or the clock was set back behind it."""
        return row.day in (day, UNDATED) or row.day > self._today

    def _turned_to_today(self) -> int:
        """Today, as far as the clock knows. Whatever is undated becomes today's as soon as it does, and so does what
        lies in a future that a clock was set back from; what is older than ``KEPT_DAYS`` is forgotten."""
        local = wall_clock(self._roster.zone or ZoneInfo("UTC"), self._clock.now_ms())
        today = self._today if local is None else local.toordinal()
        is_known = self._clock.trust is not Trust.UNSET
        if is_known and any(_is_adrift(row, today) for row in self._rows.values()):
            self._rows = {
                name: row._replace(day=today) if _is_adrift(row, today) else row for name, row in self._rows.items()
            }
            self.on_dated(today)
        if today != self._today:
            self._today = today
            oldest = today - KEPT_DAYS + 1
            self._rows = {name: row for name, row in self._rows.items() if row.day == UNDATED or row.day >= oldest}
        return today


def _is_adrift(row: Spent, today: int) -> bool:
    """Whether a row's day is none to go by. Tomorrow's is: midnight may come twice when a clock is corrected."""
    return row.day == UNDATED or row.day > today + 1
