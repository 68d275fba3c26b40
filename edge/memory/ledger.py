"""What holders have used of their quantities on this device, session by session, and what it may still give them.

A session is spent in the period in which it began. What is not known for certain counts as used: without a clock all
that may be of this period does, and what was lent beyond it waits until the time is known. After a loss nobody can say
what was used until the next day begins. What is said here is in memory; it is written down with the document of the
point that says it (``Memory.store_point``), or with the loan that rests on it (``Memory.store_loan``).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

from contract.decide import Trust
from contract.messages import Lend, Usage
from contract.quantities import (
    ENDLESS,
    PARTS,
    Account,
    Accounts,
    Allotment,
    Period,
    Quantity,
    Unit,
    UseKey,
    is_to_end,
    local_minute,
    name_in_roster,
)
from contract.schedules import MINUTES_PER_DAY
from edge.archetypes.protocol import Spend
from edge.machine.clock import WallClock
from edge.memory.loans import FOREVER, Loan, Use, after, behind, usage
from edge.memory.spent import KEPT_DAYS, LOST, NOBODY, UNDATED, Spent, is_adrift, last_day_of, period_of

MAX_ROWS = 8_192
"""So many are remembered. Past that nobody can say what was used, rather than less than was."""
MAX_LOANS = 20_000
"""Of more than so many quantities nothing is asked for: their floor is given."""
LOW_SHARE = 8
"""What others do not need is asked for as soon as less than an eighth of a quantity is left here."""


class Allotments(Protocol):
    """The part of the roster in use that says where days begin, and what each allotment holds."""

    @property
    def zone(self) -> ZoneInfo | None: ...

    @property
    def allotments(self) -> Mapping[str, Allotment]: ...


class UsageLedger:
    """The rows of one device, as they were found at the start and as its sessions add to them, beside what was lent it.

    ``on_wanted`` is told of a quantity of which others may have something left that is wanted here, and whether
    somebody stands here and waits for it; ``on_used`` of one of which more was used, and whether that was the last.
    """

    def __init__(self, rows: Iterable[Spent], clock: WallClock, roster: Allotments, loans: Iterable[Loan] = ()) -> None:
        self.on_dated: Callable[[int], object] = lambda minute: None
        """Told, once the time is known, the minute in which all that is undated counts from now on."""
        self.on_folded: Callable[[Sequence[Loan], int], object] = lambda loans, day: None
        """Told what is to be written of loans, and before which day the rows and loans go that nobody needs."""
        self.on_wanted: Callable[[UseKey, bool], object] = lambda key, waits: None
        self.on_used: Callable[[UseKey, bool], object] = lambda key, over: None
        self._clock, self._roster = clock, roster
        self._rows: dict[str, dict[tuple[str, Unit], Spent]] = defaultdict(dict)
        """By holder, then by session and unit."""
        self._holders: dict[str, str] = {}
        """By session."""
        self._count = 0
        self._running: set[str] = set()
        self._written = {loan.key: loan for loan in loans}
        self._newest: dict[UseKey, Loan] = {}
        """Loans that are on their way to the disk. What they lower counts at once, what they add when it is there."""
        self.is_heard = False
        """Whether the cloud is in touch. What it has said of a concurrent quantity is true for that long."""
        self._today = UNDATED
        self._has_adrift = True
        for row in rows:
            self._put(row)

    def used(self, holder: str, allotments: Iterable[Allotment]) -> Mapping[str, Accounts] | None:
        """What a holder has used here of these allotments and may use, by name; None if nobody can say."""
        now = self._turned_to_now()
        if self._count >= MAX_ROWS or any(self._counts_today(row) for row in self._rows.get(NOBODY, {}).values()):
            return None
        return {allotment.name: self._accounts(holder, allotment, now) for allotment in allotments}

    def seek(self, holder: str, allotment: Allotment, *, refused: bool) -> None:
        """Somebody is about to use an allotment here, or was refused it: what others do not need of it is wanted."""
        now = self._turned_to_now()
        for quantity in allotment.quantities:
            key = self._key(holder, allotment.name, quantity, now)
            if self._is_dated(quantity.per) and (refused or not self._loan(key).closed):
                self.on_wanted(key, True)

    def spend(self, spent: Spend) -> bool:
        """Note what a session has used in all; what it has told before stands, said again or late. Returns whether the
        holder has nothing left here of what the roster in use allots them for the period in which it began."""
        now = self._turned_to_now()
        before = {row.unit: row for row in self.rows(spent.session)}
        fresh = UNDATED if self._clock.trust is Trust.UNSET else now
        minute = min((row.minute for row in before.values()), default=fresh)
        for unit, amount in spent.used.items():
            most = max(0, amount, before[unit].amount if unit in before else 0)
            self._put(Spent(spent.session, unit, spent.holder, spent.allotment, minute, most))
        (self._running.discard if spent.over else self._running.add)(spent.session)
        allotment = self._allotment(spent.allotment)
        if allotment is None:
            return False
        for quantity in allotment.quantities:
            if quantity.is_concurrent:
                self._take(spent, quantity, before.get(quantity.unit), minute)
        accounts = self._accounts(spent.holder, allotment, minute or now)
        for quantity in allotment.quantities if minute else ():
            if not quantity.is_concurrent:
                self._look_ahead(spent, quantity, accounts[quantity.unit], minute)
        return is_to_end(allotment, accounts)

    def _take(self, spent: Spend, quantity: Quantity, before: Spent | None, minute: int) -> None:
        """A session has one of a concurrent quantity in use until it is over. One that was taken for over, and goes on
        after all, takes it once more."""
        amount = 0 if spent.over else PARTS[quantity.unit]
        if before is not None and before.amount == amount:
            return
        key = self._key(spent.holder, spent.allotment, quantity, minute)
        if before is not None and amount:
            self._keep(self._loan(key)._replace(folded=self._loan(key).folded + amount))
        self._put(Spent(spent.session, quantity.unit, spent.holder, spent.allotment, minute, amount))
        self.on_used(key, spent.over)

    def end_unresumed(self) -> list[tuple[Loan, tuple[Spent, ...]]]:
        """Give back what sessions have in use that are silent since the start; returns what is to be written."""
        changed: list[tuple[Loan, tuple[Spent, ...]]] = []
        for row in [row for of_holder in self._rows.values() for row in of_holder.values()]:
            if self._is_in_use(row) and row.session not in self._running:
                over, key = row._replace(amount=0), UseKey(row.holder, row.allotment, row.unit, ENDLESS)
                self._put(over)
                self.on_used(key, True)
                changed.append((self._newest_of(key), (over,)))
        return changed

    def _is_in_use(self, row: Spent) -> bool:
        """Whether a row is of a concurrent quantity, of which its session has given nothing back."""
        return row.amount > 0 and self._per(row.allotment, row.unit) == "concurrent"

    def rows(self, session: str) -> tuple[Spent, ...]:
        """What is to be written down of a session."""
        of_holder = self._rows.get(self._holders.get(session, ""), {})
        return tuple(row for (name, _), row in of_holder.items() if name == session)

    def statement(self, key: UseKey, *, wants: bool) -> Usage | None:
        """What the cloud is told of a quantity; None for one that the roster in use does not know."""
        self._turned_to_now()
        per = self._per(key.allotment, key.unit)
        return None if per is None else usage(self._loan(key), self._use(self._loan(key), per), wants=wants)

    def received(self, lend: Lend) -> tuple[Loan, tuple[Spent, ...]] | None:
        """Take the cloud's word. Returns what is to be written down for it; None where nothing is."""
        self._turned_to_now()
        key = lend.key
        per, newest = self._per(key.allotment, key.unit), self._newest_of(key)
        if per is None or (key not in self._written and len(self._written) >= MAX_LOANS):
            return None
        rows, use = self._rows_of(key, per), self._use(newest, per)
        loan = after(newest, lend, use.net, in_use=any(row.session in self._running for row in rows))
        if per == "concurrent":
            loan = loan._replace(folded=loan.folded + behind(use, lend))
        loan = loan._replace(last_day=last_day_of(per, key.period))
        if loan._replace(known=newest.known) == newest:
            if key in self._written:
                self._written[key] = self._written[key]._replace(known=loan.known)
            return None
        self._newest[key] = loan
        return loan, rows

    def stored(self, loan: Loan) -> None:
        """A loan is on the disk: it may be given from."""
        before, newest = self._loan(loan.key), self._newest.get(loan.key)
        known, folded = max(loan.known, before.known), max(loan.folded, before.folded)
        self._written[loan.key] = loan._replace(known=known, folded=folded)
        if newest is not None and newest._replace(known=known, folded=folded) == self._written[loan.key]:
            del self._newest[loan.key]

    def unreported(self) -> list[UseKey]:
        """The quantities of which more was used here than the cloud knows."""
        self._turned_to_now()
        keys: dict[UseKey, None] = dict.fromkeys(self._written)
        for row in (row for of_holder in self._rows.values() for row in of_holder.values()):
            per = self._per(row.allotment, row.unit)
            if row.session != LOST and per is not None and (row.minute or not self._is_calendar(per)):
                keys[UseKey(row.holder, row.allotment, row.unit, period_of(per, row.minute))] = None
        return [key for key in keys if self.is_unreported(key)]

    def is_unreported(self, key: UseKey) -> bool:
        per = self._per(key.allotment, key.unit)
        return per is not None and self._use(self._loan(key), per).moved > self._loan(key).known

    def has_loan(self, key: UseKey) -> bool:
        """Whether the cloud has said anything of this."""
        return key in self._written or key in self._newest

    def number_of(self, key: UseKey) -> int:
        """The number of the newest allowance of this that came here, 0 if none did."""
        return self._newest_of(key).number

    def _accounts(self, holder: str, allotment: Allotment, minute: int) -> Accounts:
        return {one.unit: self._account(holder, allotment.name, one, minute) for one in allotment.quantities}

    def _account(self, holder: str, allotment: str, quantity: Quantity, minute: int) -> Account:
        """How it stands for a session that began in that minute."""
        key = self._key(holder, allotment, quantity, minute)
        loan = self._loan(key)
        used = self._use(loan, quantity.per).net
        allowance = min(loan.allowance, self._newest.get(key, loan).allowance)
        if self._is_dated(quantity.per):
            is_closed = bool(loan.closed) and (self.is_heard or not quantity.is_concurrent)
            return Account(used + self._undated_use(key, quantity.per), allowance, is_closed)
        # Nobody knows whether this is still the period that it was lent for: only the floor is given.
        return Account(used + self._undated_use(key, quantity.per), min(allowance, used))

    def _use(self, loan: Loan, per: Period) -> Use:
        """What was used here of what a loan is of."""
        rows = self._rows_of(loan.key, per)
        amount = sum(row.amount for row in rows)
        if per != "concurrent":
            return Use(max(loan.folded + amount, loan.known))
        taken = loan.folded + len(rows) * PARTS[loan.unit]
        return Use(taken, taken - amount)

    def _undated_use(self, key: UseKey, per: Period) -> int:
        """What may be of this period besides: it began without a clock, or the clock was set back behind it."""
        if not self._is_calendar(per):
            return 0
        return sum(
            row.amount
            for row in self._rows.get(key.holder, {}).values()
            if (row.allotment, row.unit) == (key.allotment, key.unit)
            and period_of(per, row.minute) != key.period
            and (row.minute == UNDATED or row.day > self._today)
        )

    def _rows_of(self, key: UseKey, per: Period) -> tuple[Spent, ...]:
        """The rows of exactly this period."""
        return tuple(
            row
            for row in self._rows.get(key.holder, {}).values()
            if (row.allotment, row.unit) == (key.allotment, key.unit) and period_of(per, row.minute) == key.period
        )

    def _look_ahead(self, spent: Spend, quantity: Quantity, account: Account, minute: int) -> None:
        key = self._key(spent.holder, spent.allotment, quantity, minute)
        self.on_used(key, spent.over)
        if not account.closed and not spent.over and account.allowance - account.used < quantity.parts // LOW_SHARE:
            self.on_wanted(key, False)

    def _key(self, holder: str, allotment: str, quantity: Quantity, minute: int) -> UseKey:
        return UseKey(holder, allotment, quantity.unit, period_of(quantity.per, minute))

    def _newest_of(self, key: UseKey) -> Loan:
        return self._newest.get(key) or self._loan(key)

    def _loan(self, key: UseKey) -> Loan:
        return self._written.get(key) or Loan(*key)

    def _allotment(self, name: str) -> Allotment | None:
        held = self._roster.allotments.get(name_in_roster(name))
        return None if held is None else Allotment(name, held.quantities)

    def _per(self, allotment: str, unit: Unit) -> Period | None:
        held = self._roster.allotments.get(name_in_roster(allotment))
        return next((one.per for one in held.quantities if one.unit == unit), None) if held else None

    def _is_dated(self, per: Period) -> bool:
        """Whether it is known which period this is."""
        return self._clock.trust is not Trust.UNSET or not self._is_calendar(per)

    @staticmethod
    def _is_calendar(per: Period) -> bool:
        return per in ("day", "mealtime", "month")

    def _put(self, row: Spent) -> None:
        of_holder = self._rows[row.holder]
        self._count += (row.session, row.unit) not in of_holder
        of_holder[row.session, row.unit] = row
        self._holders[row.session] = row.holder
        self._has_adrift |= row.minute == UNDATED

    def _counts_today(self, row: Spent) -> bool:
        return row.day == self._today or row.minute == UNDATED or row.day > self._today

    def _turned_to_now(self) -> int:
        """This minute, as far as the clock knows. Whatever is undated becomes this minute's as soon as it does, and so
        does what lies in a future that a clock was set back from; what nobody needs any more is folded or forgotten."""
        known = local_minute(self._roster.zone or ZoneInfo("UTC"), self._clock.now_ms())
        now = self._today * MINUTES_PER_DAY if known is None else known
        today = now // MINUTES_PER_DAY
        turned = today != self._today
        self._today = today
        if (self._has_adrift or turned) and self._clock.trust is not Trust.UNSET:
            self._date(now)
        if turned:
            self._forget(today)
        return now

    def _date(self, now: int) -> None:
        rows = [row for of_holder in self._rows.values() for row in of_holder.values()]
        adrift = [row for row in rows if is_adrift(row, now // MINUTES_PER_DAY)]
        for row in adrift:
            self._put(row._replace(minute=now))
        self._has_adrift = False
        if adrift:
            self.on_dated(now)

    def _forget(self, today: int) -> None:
        """Fold what is older than ``KEPT_DAYS`` and still counts into its loan, and forget the rest."""
        oldest = today - KEPT_DAYS + 1
        rows = [row for of_holder in self._rows.values() for row in of_holder.values()]
        old = [row for row in rows if row.minute != UNDATED and row.day < oldest and not self._is_in_use(row)]
        folded = self._folded(old)
        for row in old:
            del self._rows[row.holder][row.session, row.unit]
            self._holders.pop(row.session, None)
            self._running.discard(row.session)
            self._count -= 1
        self._rows = defaultdict(dict, {holder: rows for holder, rows in self._rows.items() if rows})
        gone = [key for key, loan in self._written.items() if loan.last_day != FOREVER and loan.last_day < today]
        for key in gone:
            del self._written[key]
            self._newest.pop(key, None)
        if old or gone:
            self.on_folded(folded, oldest)

    def _folded(self, rows: Collection[Spent]) -> list[Loan]:
        """The loans that these rows, which go, are counted in from now on."""
        loans: dict[UseKey, Loan] = {}
        for row in rows:
            per = self._per(row.allotment, row.unit)
            if per is None or per in ("day", "mealtime"):
                continue
            key = UseKey(row.holder, row.allotment, row.unit, period_of(per, row.minute))
            loan = loans.get(key) or self._loan(key)._replace(last_day=last_day_of(per, key.period))
            used = PARTS[row.unit] if per == "concurrent" else row.amount
            loans[key] = loan._replace(folded=loan.folded + used)
        for loan in loans.values():
            self._keep(loan)
        return [self._newest_of(key) for key in loans]

    def _keep(self, loan: Loan) -> None:
        """Have a loan count what it folds from now on, and the newer one that is under way to the disk as well."""
        self._written[loan.key] = loan
        if loan.key in self._newest:
            self._newest[loan.key] = self._newest[loan.key]._replace(folded=loan.folded)
