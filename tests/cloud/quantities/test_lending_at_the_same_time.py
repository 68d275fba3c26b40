"""A quantity of which so many are in use at the same time, lent between three devices: however the network loses,
repeats and overtakes, and the power goes, no more sessions run than the amount, and the floors of who was cut off."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from contract.quantities import Allotment, Quantity, is_spent
from edge.archetypes.protocol import Spend
from tests.cloud.support.lending import HOLDER, NAMES, Between, names


class Sharing(Between):
    """``running`` are the sessions that run in truth, by device; ``floors`` the devices that began more than they had
    been lent."""

    amount, floor = 2, 0

    def __init__(self) -> None:
        super().__init__(Allotment("family-phone", (Quantity(self.amount, "items", "concurrent", self.floor),)))
        self.running: dict[str, list[str]] = {name: [] for name in NAMES}
        self.floors: set[str] = set()

    @rule(name=names)
    def tap(self, name: str) -> None:
        """Somebody comes: a session begins where one may."""
        machine = self.machines[name]
        account = machine.account()
        refused = is_spent(self.allotment, {"items": account})
        if not refused:
            machine.sessions += 1
            session = f"{name}-{machine.sessions}"
            self.running[name].append(session)
            if account.used >= account.allowance:
                self.floors.add(name)
            assert not self.tell(name, session), "no session ends because others run"
        machine.ledger.seek(HOLDER, self.allotment, refused=refused)
        self.ask(name)

    @rule(name=names, is_kept=st.booleans())
    def end(self, name: str, is_kept: bool) -> None:
        """The oldest session ends; where that is not kept, a power cut makes it go on."""
        if self.running[name]:
            disk = dict(self.machines[name].rows)
            self.tell(name, self.running[name].pop(0), over=True)
            if not is_kept:
                self.machines[name].rows = disk

    @rule(name=names)
    def cut_or_join(self, name: str) -> None:
        machine = self.machines[name]
        machine.online = not machine.online
        machine.ledger.is_heard = machine.online

    @rule(name=names, resumes=st.booleans())
    def lose_power(self, name: str, resumes: bool) -> None:
        """Of the sessions that the disk knows, all go on, or none does, and then they are given back."""
        machine = self.machines[name]
        machine.start()
        on_disk = [row.session for row in machine.rows.values() if row.amount]
        self.running[name] = on_disk if resumes else []
        for session in self.running[name]:
            self.tell(name, session)
        for loan, rows in machine.ledger.end_unresumed():
            machine.writes.append((loan, rows, False))

    @rule(name=names)
    def heal(self, name: str) -> None:
        """All are connected, and nothing runs: then as many may begin where somebody taps as there are."""
        for each, machine in self.machines.items():
            while self.running[each]:
                self.end(each, is_kept=True)
            machine.online = machine.ledger.is_heard = True
            self.report(each)
        self.calm()
        self.want(name)
        account = self.machines[name].account()
        assert account.limit(self.allotment.quantities[0]) - account.used == self.amount

    def tell(self, name: str, session: str, *, over: bool = False) -> bool:
        machine = self.machines[name]
        is_to_end = machine.ledger.spend(Spend(session, HOLDER, self.allotment.name, {}, over=over))
        machine.rows |= {(row.session, row.unit): row for row in machine.ledger.rows(session)}
        return is_to_end

    @invariant()
    def no_more_run_than_amount_and_floors(self) -> None:
        assert sum(map(len, self.running.values())) <= self.amount + self.floor * len(self.floors)


class SharingWithFloors(Sharing):
    floor = 1


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestSharingWithFloors = SharingWithFloors.TestCase
TestSharingWithFloors.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
