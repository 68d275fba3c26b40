"""One quantity lent between three devices, over a network that loses, repeats and overtakes, through power cuts, clocks
that nobody has set, and midnights: what is given is never more than the amount and the floors of who was cut off."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloud.quantities.rule import Shares, after_usage, to_tell, word
from contract.decide import HOUR_MS, Trust
from contract.messages import Lend, Usage
from contract.quantities import Account, Allotment, Quantity, UseKey, is_spent
from edge.archetypes.protocol import Spend
from edge.memory.ledger import Spent, UsageLedger
from edge.memory.loans import Loan

AMOUNT, FLOOR = 7, 2
SNACKS = Allotment("rider-snacks", (Quantity(AMOUNT, "items", floor=FLOOR),))
HOLDER = "72696465726e6f31"
NAMES = ("canteen", "gate", "hub")
MORNING_MS = 1_799_971_200_000
"""08:00 in Shanghai, on 15 January 2027."""
ROUNDS = 4
"""How often somebody taps until all is there that there is."""

names = st.sampled_from(NAMES)


class Message(NamedTuple):
    device: str
    payload: Usage | Lend


class Roster(NamedTuple):
    zone: ZoneInfo = ZoneInfo("Asia/Shanghai")
    allotments: Mapping[str, Allotment] = MappingProxyType({SNACKS.name: SNACKS})


class Machine:
    """A device with its disk: what was written is all that a power cut leaves. Its clock shows true time, or stands
    where it stood when the power went."""

    def __init__(self, now_ms: int) -> None:
        self.true_ms, self.late_ms, self.trust = now_ms, 0, Trust.SYNCED
        self.rows: dict[tuple[str, str], Spent] = {}
        self.loans: dict[UseKey, Loan] = {}
        self.sessions = 0
        self.online = True
        self.start()

    def now_ms(self) -> int:
        return self.true_ms - self.late_ms

    def start(self) -> None:
        self.running: Spend | None = None
        self.writes: list[tuple[Loan, tuple[Spent, ...], bool]] = []
        self.wanted: list[UseKey] = []
        self.ledger = UsageLedger(self.rows.values(), self, Roster(), self.loans.values())
        self.ledger.on_wanted = lambda key, waits: self.wanted.append(key)
        self.ledger.on_dated = self.keep_all
        self.ledger.on_folded = lambda loans, day: self.forget(day)

    def account(self) -> Account:
        used = self.ledger.used(HOLDER, (SNACKS,))
        assert used is not None
        return used[SNACKS.name]["items"]

    def spend(self, spend: Spend) -> None:
        """It is on the disk before anybody has it."""
        self.ledger.spend(spend)
        self.rows |= {(row.session, row.unit): row for row in self.ledger.rows(spend.session)}

    def keep_all(self, minute: int) -> None:
        self.rows = {key: row if row.minute else row._replace(minute=minute) for key, row in self.rows.items()}

    def forget(self, day: int) -> None:
        self.rows = {key: row for key, row in self.rows.items() if row.minute == 0 or row.day >= day}


class Lending(RuleBasedStateMachine):
    """``given`` counts what was given by the day on which each session began, in truth; ``floors`` are the devices that
    gave more than they had been lent, or may have."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = MORNING_MS
        self.machines = {name: Machine(self.now_ms) for name in NAMES}
        self.shares: dict[UseKey, Shares] = defaultdict(dict)
        self.under_way: list[Message] = []
        self.ever: list[Message] = []
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
    def report(self, name: str) -> None:
        for key in self.machines[name].ledger.unreported():
            self.say(name, key, wants=False)

    @rule(name=names)
    def write(self, name: str) -> None:
        """The disk has taken the oldest write."""
        machine = self.machines[name]
        if machine.writes:
            loan, rows, is_wanted = machine.writes.pop(0)
            machine.loans[loan.key] = loan
            machine.rows |= {(row.session, row.unit): row for row in rows}
            machine.ledger.stored(loan)
            if is_wanted:
                self.say(name, loan.key, wants=False)

    @rule(place=st.integers(0, 100))
    def deliver(self, place: int) -> None:
        if self.under_way:
            self.arrive(self.under_way.pop(place % len(self.under_way)))

    @rule(place=st.integers(0, 100))
    def lose(self, place: int) -> None:
        if self.under_way:
            self.under_way.pop(place % len(self.under_way))

    @rule(place=st.integers(0, 1000))
    def repeat(self, place: int) -> None:
        """Whatever was said once may be heard again."""
        if self.ever:
            self.arrive(self.ever[place % len(self.ever)])

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
        for _ in range(ROUNDS):
            self.machines[name].ledger.seek(HOLDER, SNACKS, refused=True)
            self.ask(name)
            self.calm()
        used = sum(machine.account().used for machine in self.machines.values())
        account = self.machines[name].account()
        assert account.closed
        assert account.limit(SNACKS.quantities[0]) - account.used == max(0, AMOUNT - used) or used >= AMOUNT
        assert used < AMOUNT or is_spent(SNACKS, {"items": account})

    def calm(self) -> None:
        """Until nothing is under way any more, and nothing waits for a disk."""
        while self.under_way or any(machine.writes for machine in self.machines.values()):
            if self.under_way:
                self.arrive(self.under_way.pop(0))
            for name in NAMES:
                self.write(name)

    def ask(self, name: str) -> None:
        machine = self.machines[name]
        wanted, machine.wanted = machine.wanted, []
        for key in dict.fromkeys(wanted):
            self.say(name, key, wants=True)

    def say(self, name: str, key: UseKey, *, wants: bool) -> None:
        usage = self.machines[name].ledger.statement(key, wants=wants)
        assert usage is not None
        self.send(Message(name, usage))

    def send(self, message: Message) -> None:
        if self.machines[message.device].online:
            self.under_way.append(message)
            self.ever.append(message)

    def arrive(self, message: Message) -> None:
        machine = self.machines[message.device]
        if not machine.online:
            return
        if isinstance(message.payload, Lend):
            taken = machine.ledger.received(message.payload)
            if taken is not None:
                machine.writes.append((*taken, message.payload.keep is not None))
            elif message.payload.keep is not None:
                self.say(message.device, message.payload.key, wants=False)
            return
        key, before = message.payload.key, self.shares[message.payload.key]
        after = after_usage(AMOUNT, before, message.device, message.payload, self.now_ms)
        self.shares[key] = after
        for name in to_tell(before, after, message.device):
            self.send(Message(name, word(key, AMOUNT, after, name)))

    @invariant()
    def no_more_is_given_than_amount_and_floors(self) -> None:
        for day, given in self.given.items():
            assert given <= AMOUNT + FLOOR * len(self.floors[day])

    @invariant()
    def no_more_is_lent_than_the_amount(self) -> None:
        for shares in self.shares.values():
            assert sum(one.allowance for one in shares.values()) <= AMOUNT


TestLending = Lending.TestCase
TestLending.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
