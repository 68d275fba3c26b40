"""One quantity lent between three devices, over a network that loses, repeats and overtakes, through power cuts, clocks
that nobody has set, and midnights: what is given is never more than the amount and the floors of who was cut off."""

from collections import Counter, defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from contract.decide import HOUR_MS, Trust
from contract.quantities import Allotment, Quantity, is_spent
from edge.archetypes.protocol import Spend
from tests.cloud.support.lending import HOLDER, Between, names

AMOUNT, FLOOR = 7, 2
SNACKS = Allotment("rider-snacks", (Quantity(AMOUNT, "items", floor=FLOOR),))


class Lending(Between):
    """``given`` counts what was given by the day on which each session began, in truth; ``floors`` are the devices that
    gave more than they had been lent, or may have."""

    amount = AMOUNT

    def __init__(self) -> None:
        super().__init__(SNACKS)
        self.given: Counter[int] = Counter()
        self.floors: dict[int, set[str]] = defaultdict(set)
        self.began: dict[str, int] = {}

    @property
    def today(self) -> int:
        return (self.now_ms + 8 * HOUR_MS) // (24 * HOUR_MS)

    @rule(name=names)
    def tap(self, name: str) -> None:
        """Somebody comes: a session begins where there is anything to give, and what others have is asked for."""
        machine = self.machines[name]
        account = machine.account()
        spent = is_spent(SNACKS, {"items": account})
        if machine.running is None and not spent:
            machine.sessions += 1
            machine.running = Spend(f"{name}-{machine.sessions}", HOLDER, SNACKS.name, {"items": 0})
            self.began[machine.running.session] = self.today
            machine.spend(machine.running)
        machine.ledger.seek(HOLDER, SNACKS, refused=spent)
        self.ask(name)

    @rule(name=names)
    def take(self, name: str) -> None:
        """A session takes one more, or ends where there is none."""
        machine = self.machines[name]
        before = machine.running
        if before is None:
            return
        if machine.ledger.spend(before):
            self.end(name)
            return
        used = before.used["items"] + 1
        machine.running = Spend(before.session, HOLDER, SNACKS.name, {"items": used})
        began = self.began[before.session]
        self.given[began] += 1
        if began != self.today or machine.account().used >= machine.account().allowance:
            self.floors[began].add(name)
        machine.spend(machine.running)
        self.ask(name)

    @rule(name=names)
    def end(self, name: str) -> None:
        machine = self.machines[name]
        if machine.running is not None:
            machine.spend(Spend(machine.running.session, HOLDER, SNACKS.name, machine.running.used, over=True))
            machine.running = None

    @rule(name=names)
    def cut_or_join(self, name: str) -> None:
        self.machines[name].online = not self.machines[name].online

    @rule(name=names)
    def kill(self, name: str) -> None:
        self.machines[name].start()

    @rule(name=names, for_h=st.integers(0, 30))
    def lose_power(self, name: str, for_h: int) -> None:
        """The time passes for all; this device does not know how much it was."""
        machine = self.machines[name]
        machine.late_ms, machine.trust = machine.late_ms + for_h * HOUR_MS, Trust.UNSET
        self.wait(for_h)
        machine.start()

    @rule(hours=st.integers(0, 13))
    def wait(self, hours: int) -> None:
        self.now_ms += hours * HOUR_MS
        for machine in self.machines.values():
            machine.true_ms = self.now_ms

    @rule(name=names)
    def set_clock(self, name: str) -> None:
        self.machines[name].late_ms, self.machines[name].trust = 0, Trust.SYNCED

    @rule(name=names)
    def heal(self, name: str) -> None:
        """All are connected, and nobody is served: then the whole rest is where somebody taps."""
        for each, machine in self.machines.items():
            self.end(each)
            machine.online = True
            self.set_clock(each)
            self.report(each)
        self.calm()
        self.want(name)
        used = sum(machine.account().used for machine in self.machines.values())
        account = self.machines[name].account()
        assert account.closed
        assert account.limit(SNACKS.quantities[0]) - account.used == max(0, AMOUNT - used) or used >= AMOUNT
        assert used < AMOUNT or is_spent(SNACKS, {"items": account})

    @invariant()
    def no_more_is_given_than_amount_and_floors(self) -> None:
        for day, given in self.given.items():
            assert given <= AMOUNT + FLOOR * len(self.floors[day])


TestLending = Lending.TestCase
TestLending.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
