"""A bad cable at the gym: frames that are no card end as a note in the cloud, never as an entry, never as a card."""

import asyncio
from pathlib import Path

import pytest

from contract.credentials import MAX_FRAME_BITS
from contract.events import encode_event
from edge.agent.event_throttle import EVERY_S
from firmware_sim.control.commands import card_bits
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, Gym

CARD = card_bits(MEMBER)
FRAMES = {
    "truncated": CARD[:25],
    "a few bits": "101",
    "long": CARD + "0",
    "far too long": "01" * 128,
    "bad parity": CARD[:-1] + str(1 - int(CARD[-1])),
    "noise": "0110100110010110100101100110100101" * 2,
}


@pytest.mark.parametrize("bits", FRAMES.values(), ids=FRAMES)
@in_virtual_time
async def test_a_frame_that_is_no_card_is_noted_without_its_bits_and_the_next_card_opens(
    bits: str, tmp_path: Path
) -> None:
    async with Gym(tmp_path) as gym:
        assert not await gym.tries(bits)
        await gym.until(gym.in_step)

        (noted,) = gym.arrived("reader.invalid_read")
        assert (noted.point, noted.data["bits"], noted.data["count"]) == (GYM, min(len(bits), MAX_FRAME_BITS + 1), 1)
        assert bits.encode() not in encode_event(noted)
        assert not [event for event in gym.arrived() if event.kind.startswith("access.")]

        assert await gym.tries(MEMBER)
        assert gym.agent.faults() == {}


@in_virtual_time
async def test_a_reader_that_never_stops_fills_no_journal(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        for _ in range(40):
            await gym.tries(FRAMES["noise"])
        await asyncio.sleep(EVERY_S)
        noted = gym.told("reader")
        assert sum(event.data["count"] for event in noted) == 40
        assert len(noted) <= 5
        assert await gym.tries(MEMBER)
