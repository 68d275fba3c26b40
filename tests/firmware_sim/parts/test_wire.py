import asyncio

from firmware_sim.parts.wire import Wire
from tests.firmware_sim.support.story import in_virtual_time


def test_watchers_hear_changes_only() -> None:
    wire, heard = Wire(), list[bool]()
    wire.watch(heard.append)
    for on in (False, True, True, False):
        wire.put(on)
    assert heard == [True, False]


@in_virtual_time
async def test_waiting_ends_when_it_comes_on_or_patience_runs_out() -> None:
    wire, loop = Wire(), asyncio.get_running_loop()
    loop.call_later(2, wire.put, True)
    assert await wire.wait_on(1.0) is False
    assert await wire.wait_on(5.0) is True
    assert loop.time() == 2.0
    assert await wire.wait_on(0.0) is True
