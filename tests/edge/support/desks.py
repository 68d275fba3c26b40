"""An agent whose keeper, journal and cards are in the test's hands."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.agent.ports import AgentPorts
from edge.config import device_config
from edge.config.tables import Point
from edge.keeper.protocol import Frame, Snapshot, ToKeeper
from tests.edge.support.cards import KEY, Cards, LoopClock
from tests.edge.support.kinds import add_kind
from tests.edge.support.recordings import HandRecording
from tests.edge.support.rig import GATES

INPUTS = {"east.contact": True, "east.exit_button": False, "gym.release_sense": False}


CRANKY = '''\
"""A station that fails at every word but its start."""

from msgspec import Struct

from contract.kinds.cranky import KIND as CRANKY
from edge.archetypes.protocol import Report
from edge.archetypes.station import Station


def start(point, settings):
    return None


def step(state, happened, now_ms):
    raise RuntimeError("cranky")


def report(state):
    return Report("idle")


KIND = Station(CRANKY, {"button": False}, {}, Struct, start, step, report)
'''
CRANKY_POINT = '[[point]]\nname = "cranky"\nkind = "cranky"\nzone = "estate"\ninputs.button = { pin = 12 }\n'


class Desk:
    """An agent whose keeper is a list of orders."""

    def __init__(self, folder: Path, *, cranky: bool = False, emergencies: Sequence[str] = ()) -> None:
        if cranky:
            add_kind(folder, "cranky", CRANKY)
        file = folder / "gates.toml"
        file.write_text(GATES.replace("[[point]]", CRANKY_POINT + "[[point]]", 1) if cranky else GATES)
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        self.orders: list[ToKeeper] = []
        self.recording = HandRecording()
        self.changes = 0
        decider = Decider(Cards("east", "gym"), clock, KEY, points={"east": Point("east", "door", "estate")})
        ports = AgentPorts(loop, clock, self.recording, decider, self)
        self.agent = Agent(device_config.load(file), ports, self._changed)
        inputs = {**INPUTS, "cranky.button": False} if cranky else INPUTS
        self.agent.handle(Snapshot(inputs, list(emergencies)))
        self.orders.clear()

    def send(self, message: ToKeeper) -> None:
        self.orders.append(message)

    def _changed(self) -> None:
        self.changes += 1

    def badge(self, bits: str) -> None:
        self.agent.handle(Frame("east.in", bits, 0.0))

    def recorded(self) -> list[str]:
        """The kinds of the events since this was last asked, without those of the start."""
        kinds = [kind for kind in self.recording.kinds if kind != "device.keeper_found"]
        self.recording.rows.clear()
        return kinds
