"""How many sessions of a holder run at the same time: each takes one when it begins, and gives it back."""

from collections.abc import Iterable

from contract.decide import DAY_MS
from contract.messages import Lend
from contract.quantities import Account, Allotment, Quantity, UseKey
from edge.archetypes.protocol import Spend
from edge.memory.ledger import UsageLedger
from edge.memory.loans import Loan
from edge.memory.spent import KEPT_DAYS, Spent
from tests.edge.memory.test_ledger import ANNA, TODAY, Clock, Site

TWO = Allotment("family-phone", (Quantity(2, "items", "concurrent", floor=1), Quantity(60, "minutes", floor=60)))
KEY = UseKey(ANNA, TWO.name, "items", 1)
NOW = TODAY * 1_440


def lend(number: int, allowance: int, used: int = 0, returned: int = 0, *, closed: bool = False) -> Lend:
    return Lend(
        holder=ANNA,
        allotment=TWO.name,
        unit="items",
        period=1,
        number=number,
        allowance=allowance,
        used=used,
        returned=returned,
        closed=closed,
    )


class Hub:
    """A device's ledger, and what it wants to be said."""

    def __init__(self, rows: Iterable[Spent] = (), loans: Iterable[Loan] = ()) -> None:
        self.clock, site = Clock(), Site()
        site.allotments = {TWO.name: TWO}
        self.ledger = UsageLedger(rows, self.clock, site, loans)
        self.told: list[bool] = []
        self.ledger.on_used = lambda key, over: self.told.append(over) if key == KEY else None

    def spend(self, session: str, minutes: int = 0, *, over: bool = False) -> bool:
        return self.ledger.spend(Spend(session, ANNA, TWO.name, {"minutes": minutes * 60_000}, over=over))

    def account(self) -> Account:
        used = self.ledger.used(ANNA, (TWO,))
        assert used is not None
        return used[TWO.name]["items"]

    def said(self) -> tuple[int, int]:
        statement = self.ledger.statement(KEY, wants=False)
        assert statement is not None
        return statement.used, statement.returned

    def hears(self, word: Lend) -> None:
        taken = self.ledger.received(word)
        if taken is not None:
            self.ledger.stored(taken[0])


def test_session_takes_one_and_gives_it_back() -> None:
    hub = Hub()
    for minutes in (0, 1, 2):
        assert not hub.spend("a", minutes)
    assert not hub.spend("b")
    assert (hub.account().used, hub.said(), hub.told) == (2, (2, 0), [False, False])
    hub.spend("a", 3, over=True)
    assert (hub.account().used, hub.said(), hub.told) == (1, (2, 1), [False, False, True])


def test_session_that_runs_is_not_ended_by_others() -> None:
    """The minutes end it, and not that as many run as may."""
    hub = Hub()
    assert not hub.spend("a")
    assert not hub.spend("b")
    assert hub.account().limit(TWO.quantities[0]) == 1, "the floor, and one is beyond it"
    assert not hub.spend("a", 19)
    assert hub.spend("b", 60)


def test_both_counters_are_said_until_they_are_known() -> None:
    hub = Hub()
    hub.spend("a")
    hub.spend("a", over=True)
    assert hub.ledger.is_unreported(KEY)
    hub.hears(lend(1, 2, used=1))
    assert hub.ledger.is_unreported(KEY), "what was given back is not known yet"
    hub.hears(lend(1, 2, used=1, returned=1))
    assert not hub.ledger.is_unreported(KEY)


def test_old_sessions_are_folded_into_both_counters() -> None:
    hub = Hub()
    for session in ("a", "b"):
        hub.spend(session)
    hub.spend("a", over=True)
    hub.clock.true_ms += (KEPT_DAYS + 1) * DAY_MS
    assert (hub.account().used, hub.said()) == (1, (2, 1)), "what runs for days is still in use"
    assert hub.ledger.rows("a") == ()


def test_what_a_power_cut_took_is_given_back() -> None:
    """The cloud knows of sessions that this disk does not."""
    hub = Hub()
    hub.hears(lend(1, 2, used=5, returned=3))
    assert (hub.account().used, hub.said()) == (0, (5, 5))
    hub.spend("a")
    assert hub.said() == (6, 5)


def test_session_that_goes_on_after_its_end_counts() -> None:
    """Its end was said, and a power cut took it from the disk."""
    hub = Hub([Spent("a", "items", ANNA, TWO.name, NOW, 1)])
    hub.spend("a")
    hub.hears(lend(1, 2, used=1, returned=1))
    assert (hub.account().used, hub.said()) == (1, (2, 1))
    hub.spend("a", over=True)
    hub.spend("a")
    assert (hub.account().used, hub.said()) == (1, (3, 2)), "and after it was taken for over"


def test_session_that_nobody_resumed_is_given_back() -> None:
    rows = [Spent(session, "items", ANNA, TWO.name, NOW, 1) for session in ("a", "b")]
    hub = Hub(rows)
    hub.spend("a")
    ((loan, (over,)),) = hub.ledger.end_unresumed()
    assert (loan.key, over.session, over.amount) == (KEY, "b", 0)
    assert (hub.account().used, hub.said()) == (1, (2, 1))
    assert hub.ledger.end_unresumed() == []


def test_closed_holds_while_the_cloud_is_heard() -> None:
    """Offline nobody knows whether something was given back elsewhere, and the floor is given."""
    hub = Hub()
    hub.ledger.is_heard = True
    hub.hears(lend(0, 0, closed=True))
    assert hub.account().limit(TWO.quantities[0]) == 0
    hub.ledger.is_heard = False
    assert hub.account().limit(TWO.quantities[0]) == 1
