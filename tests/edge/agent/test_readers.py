"""A keypad reader that several points share: whoever keys a number is weighed there."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contract.credentials import KEYS
from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.agent.event_throttle import EVERY_S
from edge.agent.ports import AgentPorts
from edge.config import device_config
from edge.keeper.protocol import Frame, Reset, Snapshot, ToKeeper, ZoneEmergency
from tests.edge.support.cards import ANNAS, BENS, KEY, Cards, LoopClock, digest
from tests.edge.support.kinds import add_kind
from tests.edge.support.recordings import HandRecording
from tests.firmware_sim.support.story import in_virtual_time

TAP = """
from msgspec import Struct

from contract.kinds.tap import KIND as TAP
from edge.archetypes.protocol import Decided, Report
from edge.archetypes.station import Station

def start(point, settings):
    return ""

def step(state, happened, now_ms):
    if isinstance(happened, Decided):
        return happened.digest.hex(), [TAP.seen(digest=happened.digest.hex())]
    return state, []

def report(state):
    return Report("idle", user=state)

KIND = Station(TAP, {}, {}, Struct, start, step, report)
"""
HUB = '[device]\nsite = "s"\nname = "hub"\n\n[cloud]\nbroker = "mqtt://127.0.0.1"\n' + "".join(
    f'\n[[point]]\nname = "{name}"\nkind = "tap"\nzone = "hub"\n' for name in ("phone-1", "phone-2")
)
EMERGENCY = """
[[emergency]]
zone = "hub"
input = { pin = 13, active = "high" }
reset = { pin = 26 }
reset_point = "phone-1"
"""
READER = '\n[[reader]]\nname = "pad"\nd0 = 5\nd1 = 6\npoints = { "1" = "phone-1", "12" = "phone-2" }\n'


class Hub:
    def __init__(self, folder: Path) -> None:
        add_kind(folder, "tap", TAP)
        (folder / "hub.toml").write_text(HUB + EMERGENCY + READER)
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        self.recording = HandRecording()
        self.asked: list[ToKeeper] = []
        self.cards = Cards("phone-1", "phone-2")
        decider = Decider(self.cards, clock, KEY)
        loaded = device_config.load(folder / "hub.toml")
        self.agent = Agent(loaded, AgentPorts(loop, clock, self.recording, decider, self))
        self.agent.handle(Snapshot({}, []))

    def send(self, message: ToKeeper) -> None:
        self.asked.append(message)

    def pad(self, keys: str, card: str = "") -> list[tuple[str, str, dict[str, Any]]]:
        """Key a number, tap a card, and return what was recorded of it."""
        self.recording.rows.clear()
        for key in keys:
            self.agent.handle(Frame("pad", f"{KEYS.index(key):04b}", 0.0))
        if card:
            self.agent.handle(Frame("pad", card, 0.0))
        return list(self.recording.rows)


@pytest.mark.parametrize(("keys", "point"), [("1", "phone-1"), ("12", "phone-2"), ("12#", "phone-2")])
@in_virtual_time
async def test_who_keys_a_number_and_taps_is_weighed_at_that_point(tmp_path: Path, keys: str, point: str) -> None:
    assert Hub(tmp_path).pad(keys, ANNAS) == [(point, "tap.seen", {"digest": digest(ANNAS).hex()})]


@in_virtual_time
async def test_who_taps_without_a_number_means_the_point_of_their_own_session(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.pad("12", ANNAS)
    assert [row[0] for row in hub.pad("", ANNAS)] == ["phone-2"]


@in_virtual_time
async def test_who_taps_without_number_or_session_is_told_nothing_but_that_it_was_noted(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.pad("12", ANNAS)
    assert hub.pad("", BENS) == [("", "reader.invalid_read", {"reader": "pad", "why": "no_number", "count": 1})]
    assert hub.pad("7", BENS) == []
    await asyncio.sleep(EVERY_S + 1)
    assert [row[2].get("why") for row in hub.recording.rows] == ["no_number"]


@in_virtual_time
async def test_card_resets_without_a_number(tmp_path: Path) -> None:
    """Who runs to a shared reader in an emergency keys no number, and it is no use of the reader worth a row."""
    hub, name = Hub(tmp_path), digest(ANNAS)
    hub.cards.grants[name] = replace(hub.cards.grants[name], resets=frozenset({"hub"}))
    hub.agent.handle(ZoneEmergency("hub", active=True))
    assert hub.pad("", ANNAS) == []
    assert hub.asked == [Reset("hub")]
    assert [row[2].get("why") for row in hub.pad("", BENS)] == ["no_number"]


@in_virtual_time
async def test_keys_and_card_bits_are_written_down_nowhere(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    assert hub.pad("1234*#") == []
    noise = "1" * 25
    assert [row[1] for row in hub.pad("", noise)] == ["reader.invalid_read"]
    assert noise not in str(hub.recording.rows)
