"""What screens show: told when it changes, at most every two seconds, and to nobody who does not listen."""

import asyncio

from contract import codec
from contract.messages import Live
from edge.link.announcer import LIVE_EVERY_S, LiveReadings, Shown
from tests.edge.support.clouds import HandLink, channel_over
from tests.firmware_sim.support.story import in_virtual_time


class Screen:
    """A link that a test holds, and readings that it changes."""

    def __init__(self) -> None:
        self.link = HandLink()
        self.shown: Shown = {"phone-1": {"power_w": 5}}
        loop = asyncio.get_running_loop()
        self.live = LiveReadings(
            channel_over(self.link), loop, show=lambda: self.shown, now_ms=lambda: int(loop.time() * 1000)
        )
        self.link.on_up = lambda _connection: self.live.went_up()
        self.link.on_down = self.live.close

    def told(self) -> list[Shown]:
        found = [message for message in self.link.going_up if message.channel == "live"]
        self.link.going_up = []
        assert not any(message.retain for message in found)
        return [codec.read(message.payload, Live).points for message in found]


@in_virtual_time
async def test_a_new_connection_is_told_at_once_and_then_only_what_changed() -> None:
    screen = Screen()
    screen.link.connect()
    assert screen.told() == [{"phone-1": {"power_w": 5}}]
    await asyncio.sleep(10 * LIVE_EVERY_S)
    assert screen.told() == []
    screen.shown = {"phone-1": {"power_w": 6}}
    screen.shown = {"phone-1": {"power_w": 7}}
    await asyncio.sleep(LIVE_EVERY_S)
    assert screen.told() == [{"phone-1": {"power_w": 7}}]


@in_virtual_time
async def test_a_device_without_sessions_says_nothing() -> None:
    screen = Screen()
    screen.shown = {}
    screen.link.connect()
    await asyncio.sleep(LIVE_EVERY_S)
    assert screen.told() == []


@in_virtual_time
async def test_nobody_is_told_while_the_line_is_down() -> None:
    screen = Screen()
    screen.link.connect()
    screen.link.cut()
    screen.told()
    screen.shown = {}
    await asyncio.sleep(2 * LIVE_EVERY_S)
    assert screen.told() == []
    screen.link.connect()
    assert screen.told() == []
    screen.shown = {"phone-1": {"power_w": 8}}
    await asyncio.sleep(LIVE_EVERY_S)
    assert screen.told() == [{"phone-1": {"power_w": 8}}]
