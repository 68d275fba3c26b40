"""A kind of station that nobody knew, as the four files that it adds: a drinking fountain."""

from pathlib import Path

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

from contract.phrases import Phrase
from firmware_sim.parts.contact import Signal
from firmware_sim.parts.hardware import PointCommand
from firmware_sim.parts.kind import PartKind
from firmware_sim.parts.lock import Relay


class Fill(PointCommand, frozen=True):
    async def run(self, hardware):
        hardware.get(Fountain, self.point).fill()


class Fountain:
    def __init__(self, board, valve, float_pin):
        self.litres = 0.0
        self._loop, self._since_s = board.loop, None
        self._float = Signal(board, pin=float_pin, name="float")
        Relay(board, pin=valve).pulled.watch(self._moved)

    def fill(self):
        self._float.put(True)

    def view(self):
        return {"litres": self.litres, "full": self._float.on}

    def _moved(self, is_open):
        if is_open:
            self._since_s = self._loop.time()
        elif self._since_s is not None:
            self.litres += 0.1 * (self._loop.time() - self._since_s)
            self._since_s = None


def fit(hardware, point):
    valve, level = point.outputs["valve"].pin, point.inputs["float"].pin
    hardware.parts[point.name] = Fountain(hardware.board, valve, level)


PART = PartKind(fit, commands=(Fill,), buttons=((Phrase("装满水池", "Fill the basin"), Fill),))
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


def write_fountain(folder: Path) -> Path:
    """The four files of a kind: what both sides know of it, its station, its part and a sample. Returns the sample."""
    files = {"kinds/fountain.py": WORDS, "stations/fountain.py": STATION, "parts/fountain.py": PART}
    for name, text in {**files, "fountain.toml": CONFIG}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder / "fountain.toml"
