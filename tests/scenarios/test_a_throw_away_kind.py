"""A kind of station that nobody knew: four files in a folder, found by name, and run from the card to the cloud. No
other file of the gateway is touched.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cloud.commands import NoSuchPlace
from cloud.desired import NoSuchMode
from cloud.sample import FACILITY
from cloud.store.orders import DesiredView, list_points
from cloud.store.schema import events
from contract.credentials import encode
from contract.decide import Mode
from contract.events import Event, decode_event
from edge.config.device_config import load
from edge.config.kinds import add_kinds
from firmware_sim import parts
from firmware_sim.network.virtual_mqtt import VirtualBroker
from firmware_sim.worlds.virtual.cloud import VirtualCloud
from firmware_sim.worlds.virtual.device import VirtualDevice
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time

WORDS = '''\
"""A drinking fountain: a card lets water run for a while."""

from typing import Literal, Never, TypedDict

from contract.archetypes import SessionKind
from contract.event_types import EventType
from contract.phrases import Phrase, noun

Phase = Literal["still", "pouring"]


class Poured(TypedDict):
    times: int


class Fountain(SessionKind[Phase, Never, Never]):
    poured = EventType("fountain.poured", "good", "value", "出水", "Water ran", Poured)


FOUNTAIN = KIND = Fountain(
    "fountain",
    noun("饮水机", "Fountain", "Fountains"),
    phases={"still": Phrase("没有出水", "still"), "pouring": Phrase("出水中", "pouring")},
)
'''
STATION = '''\
"""A drinking fountain: a card lets water run for a while, and a float says when the basin is full."""

from msgspec import Struct
from msgspec.structs import replace

from contract.kinds.fountain import FOUNTAIN
from edge.archetypes.protocol import (
    Decided, Drive, Due, Edge, Emergency, Found, Keep, ModeChanged, Report, Rest, Wake, decided, refuse
)
from edge.archetypes.station import Station


class FountainSettings(Struct, frozen=True, forbid_unknown_fields=True):
    pour_ms: int = 5_000


class FountainState(Struct, frozen=True):
    settings: FountainSettings
    pouring: bool = False
    poured: int = 0


def start(point, settings):
    return FountainState(settings)


def report(state):
    return Report("pouring" if state.pouring else "still", busy=state.pouring, quiet=not state.pouring)


def step(state, happened, now_ms):
    match happened:
        case Found(document=document):
            return replace(state, poured=int(document)), []
        case Decided(decision=decision):
            if not decision.allowed:
                return state, refuse(happened)
            state = replace(state, pouring=True, poured=state.poured + 1)
            told = FOUNTAIN.poured(times=state.poured)
            drive = Drive("valve", state.settings.pour_ms + 1_000, "durable")
            kept = Keep(str(state.poured).encode())
            return state, [decided(happened), told, kept, drive, Wake("shut", state.settings.pour_ms)]
        case Due(name="shut") | Edge(name="float", active=True) | Emergency(active=True) if state.pouring:
            return replace(state, pouring=False), [Rest("valve"), Wake("shut", None)]
        case ModeChanged(mode=mode, number=number):
            return state, [FOUNTAIN.mode_set(mode=mode.value, number=number)]
    return state, []


KIND = Station(FOUNTAIN, {"float": False}, {"valve": True}, FountainSettings, start, step, report)
'''
PART = '''\
"""What a fountain does when its valve moves."""

from firmware_sim.parts.contact import Signal
from firmware_sim.parts.lock import Relay


class Fountain:
    def __init__(self, board, valve, float_pin):
        self.litres = 0.0
        self._loop, self._since_s = board.loop, None
        self._float = Signal(board, pin=float_pin, name="float")
        Relay(board, pin=valve).pulled.watch(self._moved)

    def fill(self):
        self._float.put(True)

    def view(self):
        return {"litres": self.litres}

    def _moved(self, is_open):
        if is_open:
            self._since_s = self._loop.time()
        elif self._since_s is not None:
            self.litres += 0.1 * (self._loop.time() - self._since_s)
            self._since_s = None


def fit(hardware, point):
    valve, level = point.outputs["valve"].pin, point.inputs["float"].pin
    hardware.parts[point.name] = Fountain(hardware.board, valve, level)
'''
CONFIG = """\
[device]
site = "sunny-court"
name = "fountain"
state = "state"
keys = "keys"
run = "run"

[cloud]
broker = "mqtt://127.0.0.1:1883"

[[point]]
name = "fountain"
kind = "fountain"
zone = "hub"
settings.pour_ms = 4000
outputs.valve = { pin = 17, external_pull = "down", load = "power_to_run" }
inputs.float = { pin = 22 }
readers.in = { d0 = 5, d1 = 6 }
"""
RIDER, RESIDENT, STRANGER = 10010, 10006, 4711


def write_fountain(folder: Path) -> Path:
    """The four files of a kind: what both sides know of it, its station, its part and a sample. Returns the sample."""
    files = {"kinds/fountain.py": WORDS, "stations/fountain.py": STATION, "parts/fountain.py": PART}
    for name, text in {**files, "fountain.toml": CONFIG}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder / "fountain.toml"


class Site:
    """One fountain and the cloud, in virtual time."""

    def __init__(self, folder: Path) -> None:
        sample = write_fountain(folder)
        add_kinds([folder], parts)
        self.loop = asyncio.get_running_loop()
        broker = VirtualBroker(self.loop, seed=1)
        config = load(sample)
        self.device = VirtualDevice(config, broker, seed=1)
        self.cloud = VirtualCloud(folder / "cloud", broker, lambda: MIDNIGHT_MS + round(self.loop.time() * 1000))
        self.cloud.found([config])
        self.cloud.start()
        self.device.start()

    @property
    def part(self) -> Any:
        return self.device.hardware.parts["fountain"]

    def flows(self) -> bool:
        """Whether the valve's pin is away from rest."""
        return self.device.board.pin(17).level

    async def tap(self, card: int) -> None:
        self.device.hardware.readers["fountain.in"].send(encode("H10301", facility=FACILITY, number=card))
        await asyncio.sleep(6)

    def events(self) -> list[Event]:
        """What the cloud has of the fountain."""
        with self.cloud.reading() as connection:
            mine = select(events.c.stored).where(events.c.point == "fountain").order_by(events.c.arrival)
            return [decode_event(stored) for stored in connection.execute(mine).scalars()]

    async def close(self) -> None:
        await self.device.close()
        await asyncio.sleep(1)
        self.cloud.kill()


@in_virtual_time
async def test_a_kind_of_four_files_runs_from_the_card_to_the_cloud(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await asyncio.sleep(10)
    await site.tap(RIDER)
    assert 0.39 < site.part.litres < 0.41
    await site.tap(RESIDENT)
    site.device.kill_agent()
    site.device.start_agent()
    await asyncio.sleep(10)
    site.device.hardware.readers["fountain.in"].send(encode("H10301", facility=FACILITY, number=RIDER))
    await asyncio.sleep(1)
    site.part.fill()
    await asyncio.sleep(5)
    assert 0.48 < site.part.litres < 0.52
    told = [(event.kind, event.data.get("times", event.data.get("reason"))) for event in site.events()]
    assert told == [
        ("access.allowed", "allowed"),
        ("fountain.poured", 1),
        ("access.refused", "not_entitled"),
        ("access.allowed", "allowed"),
        ("fountain.poured", 2),
    ]
    await site.close()


@in_virtual_time
async def test_hold_open_lets_no_water_run(tmp_path: Path) -> None:
    """The cloud refuses to order it. To a document that asks for it all the same the device says no, and why."""
    site = Site(tmp_path)
    await asyncio.sleep(10)
    with pytest.raises(NoSuchMode):
        site.cloud.steering.set_mode(["fountain"], Mode.HOLD_OPEN, "desk", "open day")
    with pytest.raises(NoSuchPlace):
        site.cloud.steering.set_mode(None, Mode.HOLD_OPEN, "desk", "open day")
    site.cloud.steering.tell(DesiredView("fountain", 5, MIDNIGHT_MS, {"fountain": Mode.HOLD_OPEN}, None))
    await asyncio.sleep(5)
    await site.tap(STRANGER)
    site.device.kill_agent()
    site.device.start_agent()
    await asyncio.sleep(10)
    await site.tap(STRANGER)
    assert site.part.litres == 0
    assert [event.data["reason"] for event in site.events()] == ["unknown_credential"] * 2
    with site.cloud.reading() as connection:
        (point,) = (one for one in list_points(connection, MIDNIGHT_MS) if one.name == "fountain")
    assert (point.kind, point.in_force) == ("fountain", Mode.SCHEDULED)
    assert point.why == "These points have no mode hold_open: fountain."
    await site.close()


@in_virtual_time
async def test_it_obeys_the_modes_and_an_agent_s_death_like_every_other(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await asyncio.sleep(10)
    site.device.hardware.readers["fountain.in"].send(encode("H10301", facility=FACILITY, number=RIDER))
    await asyncio.sleep(1)
    assert site.flows()
    site.device.kill_agent()
    await asyncio.sleep(0.1)
    assert not site.flows()
    site.device.start_agent()
    await asyncio.sleep(10)
    site.cloud.steering.set_mode(["fountain"], Mode.OUT_OF_SERVICE, "desk", "it leaks")
    await asyncio.sleep(5)
    await site.tap(RIDER)
    assert [event.data["reason"] for event in site.events() if event.kind == "access.refused"] == ["out_of_service"]
    await site.close()
