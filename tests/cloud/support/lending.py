"""Devices that are lent one quantity, the cloud that lends it, and a network that loses, repeats and overtakes."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloud.quantities.rule import Shares, after_usage, to_tell, word
from contract.decide import Trust
from contract.messages import Lend, Usage
from contract.quantities import Account, Allotment, UseKey
from edge.archetypes.protocol import Spend
from edge.memory.ledger import UsageLedger
from edge.memory.loans import Loan
from edge.memory.spent import Spent

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
    allotments: Mapping[str, Allotment]
    zone: ZoneInfo = ZoneInfo("Asia/Shanghai")


class Machine:
    """A device with its disk: what was written is all that a power cut leaves. Its clock shows true time, or stands
    where it stood when the power went."""

    def __init__(self, now_ms: int, allotment: Allotment) -> None:
        self.roster = Roster({allotment.name: allotment})
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
        self.ledger = UsageLedger(self.rows.values(), self, self.roster, self.loans.values())
        self.ledger.on_wanted = lambda key, waits: self.wanted.append(key)
        self.ledger.on_dated = self.keep_all
        self.ledger.on_folded = lambda loans, day: self.forget(day)

    def account(self) -> Account:
        (allotment,) = self.roster.allotments.values()
        used = self.ledger.used(HOLDER, (allotment,))
        assert used is not None
        return used[allotment.name]["items"]

    def spend(self, spend: Spend) -> None:
        """It is on the disk before anybody has it."""
        self.ledger.spend(spend)
        self.rows |= {(row.session, row.unit): row for row in self.ledger.rows(spend.session)}

    def keep_all(self, minute: int) -> None:
        self.rows = {key: row if row.minute else row._replace(minute=minute) for key, row in self.rows.items()}

    def forget(self, day: int) -> None:
        self.rows = {key: row for key, row in self.rows.items() if row.minute == 0 or row.day >= day}


class Between(RuleBasedStateMachine):
    """The devices of one allotment, the cloud that lends it, and the network between them."""

    amount = 1

    def __init__(self, allotment: Allotment) -> None:
        super().__init__()
        self.now_ms = MORNING_MS
        self.allotment = allotment
        self.machines = {name: Machine(self.now_ms, allotment) for name in NAMES}
        self.shares: dict[UseKey, Shares] = defaultdict(dict)
        self.under_way: list[Message] = []
        self.ever: list[Message] = []

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
        after = after_usage(self.amount, before, message.device, message.payload, self.now_ms)
        self.shares[key] = after
        for name in to_tell(before, after, message.device):
            self.send(Message(name, word(key, self.amount, after, name)))

    @invariant()
    def no_more_is_lent_than_the_amount(self) -> None:
        for shares in self.shares.values():
            assert sum(one.allowance for one in shares.values()) <= self.amount

    def want(self, name: str) -> None:
        """All that there is to be had is asked for here."""
        for _ in range(ROUNDS):
            self.machines[name].ledger.seek(HOLDER, self.allotment, refused=True)
            self.ask(name)
            self.calm()
