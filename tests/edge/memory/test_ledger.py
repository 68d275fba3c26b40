"""What holders have used of their allotments, over restarts, midnights and clocks that lie without power."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contract.decide import DAY_MS, HOUR_MS, MINUTE_MS, Trust
from contract.quantities import Account, Accounts, Allotment, Quantity, Unit
from contract.schedules import MINUTES_PER_DAY
from edge.archetypes.protocol import Spend
from edge.memory.ledger import MAX_ROWS, UsageLedger
from edge.memory.loans import Loan
from edge.memory.memory import Memory, StoredPoint
from edge.memory.spent import LOST, NOBODY, UNDATED, Spent
from tests.contract.allotments import own

NOON_MS = 1_799_985_600_000
"""Friday 15 January 2027, 04:00 UTC, noon in Shanghai."""
TODAY = date(2027, 1, 15).toordinal()
PHONE, EBIKE = own("rider-phone", 60, 100), own("rider-ebike", 240, 1_000)
ANNA, BEN = "72696465726e6f31", "72696465726e6f32"


class Site:
    """The part of a roster that a ledger asks."""

    def __init__(self) -> None:
        self.zone: ZoneInfo | None = ZoneInfo("Asia/Shanghai")
        self.allotments: Mapping[str, Allotment] = {PHONE.name: PHONE, EBIKE.name: EBIKE}


class Clock:
    """It shows true time, or, without power behind it, what it was when it was last told."""

    def __init__(self) -> None:
        self.true_ms = NOON_MS
        self.late_ms = 0
        self.trust = Trust.SYNCED

    def now_ms(self) -> int:
        return self.true_ms - self.late_ms

    def today(self) -> int:
        return TODAY + (self.true_ms - NOON_MS + 12 * HOUR_MS) // DAY_MS

    def lose_power(self, for_ms: int) -> None:
        self.true_ms += for_ms
        self.late_ms += for_ms
        self.trust = Trust.UNSET

    def hear(self) -> None:
        self.late_ms, self.trust = 0, Trust.SYNCED


class Desk:
    """A ledger with its clock."""

    def __init__(self, *found: Spent) -> None:
        self.clock, self.site = Clock(), Site()
        self.dated: list[int] = []
        self.ledger = UsageLedger(found, self.clock, self.site)
        self.ledger.on_dated = lambda minute: self.dated.append(minute // MINUTES_PER_DAY)

    def spend(self, session: str, minutes: float, wh: float = 0, *, holder: str = ANNA, of: str = PHONE.name) -> bool:
        used: dict[Unit, int] = {"minutes": round(minutes * MINUTE_MS), "wh": round(wh * 1000)}
        return self.ledger.spend(Spend(session, holder, of, used))

    def used(self, holder: str = ANNA) -> dict[str, tuple[int, int]] | None:
        """Milliseconds and milliwatt-hours, of what was used at all."""
        used = self.ledger.used(holder, (PHONE, EBIKE))
        return None if used is None else {name: both for name, one in used.items() if any(both := amounts(one))}

    def minutes(self, holder: str = ANNA) -> dict[str, int] | None:
        used = self.used(holder)
        return None if used is None else {name: ms // MINUTE_MS for name, (ms, _) in used.items()}

    def row(self, session: str) -> Spent:
        """What is written down of the minutes of a session, to the day."""
        (row,) = (row for row in self.ledger.rows(session) if row.unit == "minutes")
        return row._replace(minute=row.day * MINUTES_PER_DAY)


def amounts(accounts: Accounts) -> tuple[int, int]:
    return accounts["minutes"].used, accounts["wh"].used


def row(session: str, day: int, minutes: int = 10) -> Spent:
    return Spent(session, "minutes", ANNA, PHONE.name, day * MINUTES_PER_DAY, minutes * MINUTE_MS)


def test_who_has_used_nothing_has_used_nothing() -> None:
    assert Desk().used() == {}


def test_what_a_session_has_used_counts_once_however_often_it_is_told() -> None:
    desk = Desk()
    for minutes in (0, 5, 5, 3, 7, -1):
        desk.spend("a", minutes, wh=minutes)
    assert desk.used() == {PHONE.name: (7 * MINUTE_MS, 7_000)}
    assert desk.used(BEN) == {}


def test_all_sessions_of_a_holder_count_together_each_for_its_own_allotment() -> None:
    desk = Desk()
    desk.spend("a", 20)
    desk.spend("b", 30)
    desk.spend("c", 5, of=EBIKE.name)
    desk.spend("d", 9, holder=BEN)
    assert (desk.minutes(), desk.minutes(BEN)) == ({PHONE.name: 50, EBIKE.name: 5}, {PHONE.name: 9})


def test_an_allotment_is_spent_by_two_sessions_at_once() -> None:
    desk = Desk()
    assert [desk.spend("a", 29), desk.spend("b", 30), desk.spend("a", 30), desk.spend("b", 30)] == [
        False,
        False,
        True,
        True,
    ]


def test_energy_of_all_sessions_counts_together() -> None:
    desk = Desk()
    assert [desk.spend("a", 1, wh=60), desk.spend("b", 1, wh=39), desk.spend("b", 1, wh=40)] == [False, False, True]
    assert desk.used() == {PHONE.name: (2 * MINUTE_MS, 100_000)}


@pytest.mark.parametrize(("minutes", "wh", "spent"), [(59.99, 99.99, False), (60, 0, True), (0, 100, True)])
def test_an_allotment_ends_with_its_minutes_or_its_energy(minutes: float, wh: float, spent: bool) -> None:
    assert Desk().spend("a", minutes, wh) is spent


def test_the_roster_in_use_says_what_is_allotted() -> None:
    desk = Desk()
    assert desk.spend("a", 60)
    desk.site.allotments = {PHONE.name: own(PHONE.name, 90, 100)}
    assert not desk.spend("a", 61)
    desk.site.allotments = {}
    assert not desk.spend("a", 600), "what is rationed no longer runs out no longer"


def test_at_midnight_of_the_site_everybody_begins_anew() -> None:
    desk = Desk()
    desk.spend("a", 60)
    desk.clock.true_ms += 12 * HOUR_MS - 1
    assert desk.minutes() == {PHONE.name: 60}
    desk.clock.true_ms += 1
    assert desk.minutes() == {}


def test_a_session_over_midnight_is_spent_on_the_day_it_began() -> None:
    desk = Desk()
    desk.spend("a", 50)
    desk.clock.true_ms += DAY_MS
    desk.spend("b", 30)
    assert [desk.spend("a", 59), desk.spend("a", 60)] == [False, True]
    assert desk.minutes() == {PHONE.name: 30}


def test_what_is_older_than_yesterday_is_forgotten() -> None:
    """Yesterday may be two days of the calendar ago."""
    desk = Desk(row("a", TODAY - 3), row("b", TODAY - 2), row("c", TODAY - 1), row("d", TODAY))
    assert desk.minutes() == {PHONE.name: 10}
    assert [len(desk.ledger.rows(session)) for session in "abcd"] == [0, 1, 1, 1]


def test_a_session_over_a_skipped_day_keeps_its_own() -> None:
    """In Samoa Thursday, 29 December 2011, was followed by Saturday."""
    desk = Desk()
    desk.site.zone, desk.clock.true_ms = ZoneInfo("Pacific/Apia"), 1_325_239_200_000 - MINUTE_MS
    desk.spend("a", 50)
    thursday = desk.row("a").day
    assert date.fromordinal(thursday) == date(2011, 12, 29)
    desk.clock.true_ms += 2 * MINUTE_MS
    assert not desk.spend("a", 52)
    assert desk.minutes() == {}, "nothing was used on Saturday"
    assert desk.row("a") == row("a", thursday, 52)


def test_without_a_clock_what_may_be_of_today_counts() -> None:
    desk = Desk(row("a", TODAY - 1), row("b", TODAY), row("c", UNDATED))
    desk.clock.lose_power(0)
    assert desk.minutes() == {PHONE.name: 20}
    assert desk.spend("d", 40)
    assert (desk.row("d").day, desk.dated) == (UNDATED, [])


def test_without_a_clock_only_the_floor_is_given() -> None:
    """Nobody knows whether it is still the day that the rest was lent for."""
    lent = Allotment("rider-items", (Quantity(9, "items", floor=2),))
    desk = Desk()
    desk.site.allotments = {lent.name: lent}
    loan = Loan(ANNA, lent.name, "items", TODAY, TODAY + 3, 1, 8, 1)
    used = Spent("a", "items", ANNA, lent.name, TODAY * MINUTES_PER_DAY, 3)
    desk.ledger = UsageLedger((used,), desk.clock, desk.site, (loan,))
    known = desk.ledger.used(ANNA, (lent,))
    assert known is not None
    assert known[lent.name]["items"] == Account(3, 8, True)
    desk.clock.lose_power(HOUR_MS)
    desk.ledger.spend(Spend("b", ANNA, lent.name, {"items": 1}))
    unknown = desk.ledger.used(ANNA, (lent,))
    assert unknown is not None
    assert unknown[lent.name]["items"] == Account(4, 3, False)
    assert unknown[lent.name]["items"].limit(lent.quantities[0]) == 5


def test_what_began_without_a_clock_counts_on_the_day_on_which_the_time_is_known() -> None:
    desk = Desk(row("a", UNDATED))
    desk.clock.lose_power(3 * DAY_MS)
    desk.spend("b", 15)
    desk.clock.hear()
    assert (desk.minutes(), desk.dated) == ({PHONE.name: 25}, [TODAY + 3])
    assert desk.row("b") == row("b", TODAY + 3, 15)
    desk.clock.true_ms += DAY_MS
    assert (desk.minutes(), desk.dated) == ({}, [TODAY + 3])


def test_a_clock_set_back_keeps_nobody_waiting_for_years() -> None:
    desk = Desk(row("a", TODAY + 1000), row("b", TODAY + 1))
    assert (desk.minutes(), desk.dated) == ({PHONE.name: 20}, [TODAY])
    desk.clock.true_ms += 2 * DAY_MS
    assert desk.minutes() == {}


def test_after_a_loss_nobody_can_say_what_was_used_until_the_next_day() -> None:
    desk = Desk(Spent(LOST, "minutes", NOBODY, "", UNDATED, 0))
    desk.clock.lose_power(HOUR_MS)
    assert (desk.minutes(ANNA), desk.minutes(BEN)) == (None, None)
    desk.clock.hear()
    assert (desk.minutes(), desk.dated) == (None, [TODAY])
    desk.clock.true_ms += DAY_MS
    assert desk.minutes() == {}


def test_a_ledger_that_is_full_says_that_it_does_not_know() -> None:
    desk = Desk(*(row(f"{number:016x}", TODAY) for number in range(MAX_ROWS - 1)))
    assert desk.minutes(BEN) == {}
    desk.spend("a", 1)
    assert desk.minutes(BEN) is None
    desk.clock.true_ms += 3 * DAY_MS
    assert desk.minutes(BEN) == {}


def test_before_the_first_roster_days_are_counted_somewhere() -> None:
    desk = Desk()
    desk.site.zone = None
    assert not desk.spend("a", 59)
    assert desk.minutes() == {PHONE.name: 59}


class Charge:
    """A session as its station counts it, and as it would find itself after a restart."""

    def __init__(self, session: str, holder: str, allotment: str, day: int) -> None:
        self.session, self.holder, self.allotment, self.day = session, holder, allotment, day
        self.used = self.kept = (0, 0)
        self.was_kept = False


SOCKETS = ("one", "two")
sockets = st.sampled_from(SOCKETS)


class Days(RuleBasedStateMachine):
    """Two sockets through days of charging, with an agent that is killed and a device that loses its power."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock, self.site = Clock(), Site()
        self.was_unset = False
        self.running: dict[str, Charge] = {}
        self.all: list[Charge] = []
        self.start()

    def start(self) -> None:
        self.memory = Memory(Path(self.folder.name) / "memory.db")
        self.ledger = UsageLedger(self.memory.spent(), self.clock, self.site)
        self.ledger.on_dated = self.memory.date_spent
        self.ledger.on_folded = self.memory.fold

    def tell(self, charge: Charge, used: tuple[int, int]) -> None:
        ms, mwh = used
        self.ledger.spend(Spend(charge.session, charge.holder, charge.allotment, {"minutes": ms, "wh": mwh}))

    @rule(socket=sockets, holder=st.sampled_from([ANNA, BEN]), of=st.sampled_from([PHONE.name, EBIKE.name]))
    def begin(self, socket: str, holder: str, of: str) -> None:
        if socket not in self.running:
            charge = Charge(f"{len(self.all):016x}", holder, of, self.clock.today())
            self.running[socket] = charge
            self.all.append(charge)
            self.tell(charge, charge.used)

    @rule(socket=sockets, ms=st.integers(0, HOUR_MS), mwh=st.integers(0, 100_000))
    def charge(self, socket: str, ms: int, mwh: int) -> None:
        charge = self.running.get(socket)
        if charge is not None:
            before, charge.used = charge.used, (charge.used[0] + ms, charge.used[1] + mwh)
            self.tell(charge, charge.used)
            self.tell(charge, before)

    @rule(socket=sockets, ends=st.booleans())
    def keep(self, socket: str, ends: bool) -> None:
        charge = self.running.get(socket)
        if charge is not None:
            page = StoredPoint(socket, b"" if ends else charge.session.encode(), "b7", 0, None)
            self.memory.store_point(page, self.ledger.rows(charge.session))
            charge.kept, charge.was_kept = charge.used, True
            if ends:
                del self.running[socket]

    @rule()
    def kill_the_agent(self) -> None:
        self.memory.close()
        self.start()
        for socket, charge in list(self.running.items()):
            charge.used = charge.kept
            if not charge.was_kept:
                del self.running[socket]
                self.all.remove(charge)

    @rule(for_ms=st.integers(0, 3 * DAY_MS))
    def cut_the_power(self, for_ms: int) -> None:
        self.clock.lose_power(for_ms)
        self.was_unset = True
        self.kill_the_agent()

    @precondition(lambda self: self.clock.trust is Trust.UNSET)
    @rule()
    def hear_the_cloud(self) -> None:
        self.clock.hear()

    @rule(ms=st.integers(0, DAY_MS))
    def wait(self, ms: int) -> None:
        self.clock.true_ms += ms

    @invariant()
    def what_was_used_today_is_never_less_than_it_was(self) -> None:
        for holder in (ANNA, BEN):
            told = self.ledger.used(holder, (PHONE, EBIKE))
            assert told is not None
            for allotment in (PHONE.name, EBIKE.name):
                mine = [one for one in self.all if (one.holder, one.allotment) == (holder, allotment)]
                today = [one.used for one in mine if one.day == self.clock.today()]
                truth = sum(ms for ms, _ in today), sum(mwh for _, mwh in today)
                said = amounts(told[allotment])
                assert said[0] >= truth[0] >= 0
                assert said[1] >= truth[1] >= 0
                if not self.was_unset:
                    assert said == truth
                assert said[0] <= sum(one.used[0] for one in mine), "nothing is counted twice"

    def teardown(self) -> None:
        self.memory.close()
        self.folder.cleanup()


TestDays = Days.TestCase
TestDays.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
