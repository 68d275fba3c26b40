"""Few rows for what comes without end, and nothing untold."""

import asyncio
from typing import Any

from edge.agent.event_throttle import EVERY_S, EventThrottle
from tests.firmware_sim.support.story import in_virtual_time


@in_virtual_time
async def test_the_first_is_told_at_once_and_the_rest_of_its_minute_by_their_number() -> None:
    rows: list[dict[str, Any]] = []
    throttle = EventThrottle(asyncio.get_running_loop(), rows.append)
    for number in range(5):
        throttle.note({"number": number})
    assert rows == [{"number": 0, "count": 1}]
    await asyncio.sleep(EVERY_S)
    assert rows[1:] == [{"number": 4, "count": 4}]
    await asyncio.sleep(3600)
    throttle.note({"number": 5})
    assert rows[2:] == [{"number": 5, "count": 1}]
    throttle.close()


@in_virtual_time
async def test_one_that_is_closed_tells_the_rest_and_writes_nothing_more() -> None:
    rows: list[dict[str, Any]] = []
    throttle = EventThrottle(asyncio.get_running_loop(), rows.append)
    for _ in range(3):
        throttle.note({})
    throttle.close()
    assert rows == [{"count": 1}, {"count": 2}]
    await asyncio.sleep(3600)
    assert len(rows) == 2
