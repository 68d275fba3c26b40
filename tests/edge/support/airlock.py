"""An agent with two doors, in the test's hands; and whoever keys and badges there."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from contract.credentials import KEYS
from contract.decide import Mode, Tier
from contract.demands import Demand
from contract.pins import pin_verifier
from contract.schedules import ALWAYS
from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.agent.pin_guard import BLOCK_MS
from edge.agent.ports import AgentPorts, Notes
from edge.archetypes.protocol import Restored, Spend
from edge.config import device_config
from edge.keeper.protocol import Changed, DriveOutput, Frame, Snapshot, ToKeeper
from tests.edge.support.cards import ANNAS, KEY, Cards, LoopClock, digest
from tests.edge.support.recordings import DiskRecording, Row

OUTER, INNER = "outer", "inner"
WRITTEN_S = 0.03
"""Until the disk has taken what was recorded, and everything behind it was done."""
PIN, DURESS_PIN = "471196", "471197"
CONFIG = '[device]\nsite = "s"\nname = "hall"\n\n[cloud]\nbroker = "mqtt://127.0.0.1"\n'
DOOR = """
[[point]]
name = "{name}"
kind = "door"
zone = "estate"
free_exit = {free_exit}
outputs.lock = {{ pin = {lock}, load = "power_to_unlock" }}
inputs.contact = {{ pin = {contact} }}
inputs.exit_button = {{ pin = {button} }}
readers.in = {{ d0 = {d0}, d1 = {d1} }}
"""
SECOND = DOOR.format(name=INNER, lock=18, contact=20, button=21, d0=22, d1=23, free_exit="false")
SHARED = '\n[[reader]]\nname = "pad"\nd0 = 24\nd1 = 25\npoints = { "1" = "outer", "12" = "inner" }\n'
EMERGENCY = '\n[[emergency]]\nzone = "estate"\ninput = { pin = 13, active = "high" }\nreset = { pin = 26 }\n'


class Pages:
    """What points keep, as a restart finds it."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def restored(self, point: str) -> Restored | None:
        return Restored(self.kept[point], None) if point in self.kept else None

    def persist(self, point: str, document: bytes, persisted: Callable[[], None]) -> None:
        self.kept[point] = document
        persisted()

    def spend(self, point: str, spent: Spend) -> bool:
        return False


class Airlock:
    """Both doors ask Anna for her PIN, unless they are told otherwise."""

    def __init__(
        self,
        folder: Path,
        *,
        interlock: str = "",
        tier: Tier = Tier.STAFF,
        wiring: str = "",
        free_exit: bool = False,
        notebook: Notes | None = None,
    ) -> None:
        """``wiring`` is more of the outer door, in TOML. With ``free_exit`` that has a reader on its inside too."""
        first = DOOR.format(
            name=OUTER, lock=17, contact=5, button=6, d0=7, d1=8, free_exit="true" if free_exit else "false"
        )
        wiring += "readers.out = { d0 = 9, d1 = 10 }\n" if free_exit else ""
        names = f"interlock = {interlock}\n" if interlock else ""
        (folder / "hall.toml").write_text(CONFIG + first + wiring + names + SECOND + SHARED + EMERGENCY)
        self.loop = asyncio.get_running_loop()
        self.clock = clock = LoopClock(self.loop)
        self.recording = DiskRecording(self.loop)
        self.orders: list[ToKeeper] = []
        self.cards = Cards(OUTER, INNER)
        self.let_anna(pin=pin_verifier(KEY, digest(ANNAS), PIN), may_signal_duress=True, tier=tier)
        self.ask_pin(OUTER, INNER)
        config = device_config.load(folder / "hall.toml")
        self.decider = decider = Decider(self.cards, clock, KEY, points={point.name: point for point in config.points})
        self.agent = Agent(config, AgentPorts(self.loop, clock, self.recording, decider, self, notebook))
        shut = {f"{door}.{name}": name == "contact" for door in (OUTER, INNER) for name in ("contact", "exit_button")}
        self.agent.handle(Snapshot(shut, []))
        self.recording.rows.clear()
        self.orders.clear()

    async def settle_in(self) -> None:
        """Until the start is so long ago that somebody may mistype."""
        await asyncio.sleep(BLOCK_MS / 1000)

    def send(self, message: ToKeeper) -> None:
        self.orders.append(message)

    def let_anna(self, **changes: object) -> None:
        self.cards.grants[digest(ANNAS)] = replace(self.cards.grants[digest(ANNAS)], **changes)

    def ask_pin(self, *doors: str) -> None:
        self.cards.demands = dict.fromkeys(doors, Demand(pin=ALWAYS))

    def lock_down(self) -> None:
        self.agent.set_modes({OUTER: Mode.LOCKDOWN}, 1)
        self.recording.rows.clear()

    async def badge(self, bits: str = ANNAS, reader: str = f"{OUTER}.in") -> list[Row]:
        """Show a card, and return what was recorded of it."""
        self.agent.handle(Frame(reader, bits, 0.0))
        await asyncio.sleep(WRITTEN_S)
        return self.recorded()

    async def keys(self, keys: str, reader: str = f"{OUTER}.in") -> list[Row]:
        for key in keys:
            self.agent.handle(Frame(reader, f"{KEYS.index(key):04b}", 0.0))
        await asyncio.sleep(WRITTEN_S)
        return self.recorded()

    def leaf(self, door: str, *, shut: bool) -> None:
        self.agent.handle(Changed(f"{door}.contact", shut, 0.0))

    def recorded(self) -> list[Row]:
        """What was recorded since this was last asked."""
        rows = list(self.recording.rows)
        self.recording.rows.clear()
        return rows

    def shown(self, door: str = OUTER) -> str:
        shown = self.agent.runners[door].shown
        return "" if shown is None else shown.text

    def unlocked(self) -> list[str]:
        """The locks that were driven since this was last asked."""
        driven = [order.output for order in self.orders if isinstance(order, DriveOutput)]
        self.orders.clear()
        return driven


def reasons(rows: list[Row]) -> list[str]:
    """The reason of each decision, or the kind of what is none."""
    return [row.data.get("reason", row.kind) for row in rows]
