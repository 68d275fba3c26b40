"""What a device says of quantities, when, and until when; and what it believes of the answers."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import pytest
from msgspec.structs import replace

from contract import codec
from contract.messages import Lend, Usage
from contract.quantities import Account, Allotment, Quantity, UseKey, local_minute, period_at
from contract.sealing import DeviceVerifier, Purpose, SyncKey, mac, seal, unseal
from edge.archetypes.protocol import Spend
from edge.link.quantity_sync import QuantitySync
from edge.link.sealed_channel import SealedChannel
from edge.memory.ledger import UsageLedger
from edge.memory.loans import Loan
from edge.memory.spent import Spent
from tests.edge.support.cards import NOW_MS, Cards, LoopClock
from tests.edge.support.clouds import DEVICE, DEVICE_KEY, SITE, SYNC_KEY, HandLink
from tests.firmware_sim.support.story import in_virtual_time

ANNA = "72696465726e6f31"
SNACKS = Allotment("rider-snacks", (Quantity(8, "items", floor=2),))


class Slow:
    """Where loans are written down, when the test says so."""

    def __init__(self) -> None:
        self.writes: list[Callable[[], None]] = []

    def lend(self, loan: Loan, spent: Iterable[Spent], done: Callable[[], None]) -> None:
        self.writes.append(done)

    def write(self) -> None:
        for done in self.writes:
            done()
        self.writes.clear()


class Bench:
    """A device's ledger with its messages, and the line in the test's hands."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        cards = Cards()
        cards.allotments = {SNACKS.name: SNACKS}
        self.link, self.memory = HandLink(), Slow()
        self.ledger = UsageLedger((), LoopClock(loop), cards)
        channel = SealedChannel(self.link, SITE, DEVICE, DEVICE_KEY)
        self.sync = QuantitySync(channel, self.ledger, self.memory, SYNC_KEY, loop)
        self.link.on_up = lambda connection: self.sync.went_up()
        self.link.on_down = self.sync.went_down
        assert cards.zone is not None
        self.today = period_at("day", local_minute(cards.zone, NOW_MS) or 0)
        self.key = UseKey(ANNA, SNACKS.name, "items", self.today)

    def said(self) -> list[Usage]:
        """What the cloud was told since this was last asked, each under the device's seal."""
        accepts = DeviceVerifier(DEVICE_KEY.public()).accepts
        payloads = [message.payload for message in self.link.going_up if message.channel == "usage"]
        self.link.going_up.clear()
        return [codec.read(unseal(accepts, Purpose.USAGE, SITE, DEVICE, one), Usage) for one in payloads]

    def lend(self, number: int, allowance: int, used: int = 0, keep: int | None = None, closed: bool = False) -> Lend:
        return Lend(
            holder=ANNA,
            allotment=SNACKS.name,
            unit="items",
            period=self.today,
            number=number,
            allowance=allowance,
            used=used,
            keep=keep,
            closed=closed,
        )

    def hears(self, lend: Lend, *, key: SyncKey = SYNC_KEY, retained: bool = False) -> None:
        payload = seal(partial(mac, key), Purpose.LEND, SITE, DEVICE, codec.write(lend))
        self.sync.received(payload, retained)

    def account(self) -> Account:
        used = self.ledger.used(ANNA, (SNACKS,))
        assert used is not None
        return used[SNACKS.name]["items"]

    def spend(self, items: int, *, over: bool = False) -> None:
        self.ledger.spend(Spend("a", ANNA, SNACKS.name, {"items": items}, over=over))

    async def lent(self, allowance: int, *, closed: bool = True) -> None:
        """Somebody came, and the cloud has lent so much."""
        self.link.connect()
        self.ledger.seek(ANNA, SNACKS, refused=False)
        await asyncio.sleep(0.1)
        self.hears(self.lend(1, allowance, closed=closed))
        self.memory.write()
        self.said()


@in_virtual_time
async def test_wish_is_said_until_it_is_answered() -> None:
    bench = Bench()
    bench.link.connect()
    bench.ledger.seek(ANNA, SNACKS, refused=False)
    await asyncio.sleep(15)
    said = bench.said()
    assert [(one.key, one.wants, one.number) for one in said] == [(bench.key, True, 0)] * 4, "at 0, 2, 6 and 14 s"
    bench.hears(bench.lend(0, 0))
    await asyncio.sleep(60)
    assert [one.wants for one in bench.said()] == [True, True], "nothing was granted yet"
    bench.hears(bench.lend(1, 8, closed=True))
    await asyncio.sleep(300)
    assert bench.said() == []


@in_virtual_time
async def test_nothing_is_given_before_it_is_written() -> None:
    bench = Bench()
    bench.link.connect()
    bench.ledger.seek(ANNA, SNACKS, refused=False)
    bench.hears(bench.lend(1, 8, closed=True))
    assert bench.account() == Account(0, 0, False)
    bench.memory.write()
    assert bench.account() == Account(0, 8, True)


@in_virtual_time
async def test_asked_back_loan_is_not_given() -> None:
    """From the word on; the cloud is told when it is written down."""
    bench = Bench()
    await bench.lent(8)
    bench.spend(3, over=True)
    bench.hears(bench.lend(1, 8, keep=4))
    assert bench.account().allowance == 3
    assert bench.said() == []
    bench.memory.write()
    (said,) = bench.said()
    assert (said.number, said.allowance, said.used, said.wants) == (1, 3, 3, False)


@in_virtual_time
async def test_running_session_keeps_its_part() -> None:
    bench = Bench()
    await bench.lent(8)
    bench.spend(3)
    bench.hears(bench.lend(1, 8, keep=5))
    assert bench.account().allowance == 5
    bench.hears(bench.lend(1, 8, keep=5))
    bench.memory.write()
    assert bench.account().allowance == 5, "the same word again takes nothing more"


@in_virtual_time
async def test_old_word_changes_nothing() -> None:
    bench = Bench()
    await bench.lent(8)
    bench.hears(bench.lend(1, 8, keep=0))
    bench.memory.write()
    bench.hears(bench.lend(1, 8, closed=True))
    bench.hears(bench.lend(0, 8))
    bench.memory.write()
    assert bench.account().allowance == 0


@in_virtual_time
async def test_closed_quantity_gives_no_floor() -> None:
    """Nothing is left anywhere: the cloud says so unasked, and a tap asks again all the same."""
    bench = Bench()
    bench.link.connect()
    bench.hears(bench.lend(0, 0, closed=True))
    bench.memory.write()
    assert bench.account().limit(SNACKS.quantities[0]) == 0
    bench.ledger.seek(ANNA, SNACKS, refused=False)
    await asyncio.sleep(0.1)
    assert bench.said() == []
    bench.ledger.seek(ANNA, SNACKS, refused=True)
    await asyncio.sleep(0.1)
    assert [one.wants for one in bench.said()] == [True]


@in_virtual_time
async def test_use_is_reported_until_it_is_confirmed() -> None:
    bench = Bench()
    await bench.lent(8)
    for items in (1, 2):
        bench.spend(items)
    await asyncio.sleep(61)
    assert [one.used for one in bench.said()] == [2]
    await asyncio.sleep(60)
    assert [one.used for one in bench.said()] == [2], "nobody has answered"
    bench.hears(bench.lend(1, 8, used=2, closed=True))
    await asyncio.sleep(300)
    assert bench.said() == []


@in_virtual_time
async def test_end_of_a_session_is_said_at_once() -> None:
    bench = Bench()
    await bench.lent(8)
    bench.spend(2, over=True)
    await asyncio.sleep(0.1)
    assert [one.used for one in bench.said()] == [2]


@in_virtual_time
async def test_session_that_runs_low_asks_by_itself() -> None:
    bench = Bench()
    await bench.lent(3, closed=False)
    await asyncio.sleep(61)
    bench.spend(2)
    await asyncio.sleep(0.1)
    assert [one.wants for one in bench.said()] == [False], "one is left"
    await asyncio.sleep(31)
    bench.spend(4)
    await asyncio.sleep(0.1)
    assert [one.wants for one in bench.said()] == [True]


@in_virtual_time
async def test_offline_use_is_reported_at_next_connection() -> None:
    bench = Bench()
    bench.spend(2, over=True)
    await asyncio.sleep(3600)
    bench.link.connect()
    await asyncio.sleep(1)
    assert [(one.used, one.wants) for one in bench.said()] == [(2, False)]


@in_virtual_time
async def test_many_are_said_one_after_the_other() -> None:
    bench = Bench()
    for number in range(50):
        bench.ledger.spend(Spend(f"{number}", f"{number:016x}", SNACKS.name, {"items": 1}, over=True))
    bench.link.connect()
    await asyncio.sleep(0.05)
    counts = [len(bench.said())]
    for _ in range(3):
        await asyncio.sleep(0.1)
        counts.append(len(bench.said()))
    assert counts == [20, 20, 10, 0]


@pytest.mark.parametrize("wrong", ["retained", "bad_seal", "not_asked", "malformed"])
@in_virtual_time
async def test_word_that_cannot_be_believed_is_counted(wrong: str) -> None:
    bench = Bench()
    bench.link.connect()
    if wrong != "not_asked":
        bench.ledger.seek(ANNA, SNACKS, refused=False)
    if wrong == "malformed":
        bench.sync.received(b"rubbish", False)
    else:
        key = SyncKey(b"k" * 32) if wrong == "bad_seal" else SYNC_KEY
        bench.hears(bench.lend(1, 8), key=key, retained=wrong == "retained")
    bench.memory.write()
    assert dict(bench.sync.refused) == {wrong: 1}
    assert bench.account().allowance == 0


@in_virtual_time
async def test_plan_that_is_gone_is_said_no_more() -> None:
    bench = Bench()
    bench.link.connect()
    bench.ledger.seek(ANNA, SNACKS, refused=False)
    bench.hears(replace(bench.lend(1, 8), allotment="rider-other"))
    assert bench.sync.refused == {"not_asked": 1}
