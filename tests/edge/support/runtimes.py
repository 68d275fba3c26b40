"""What a part of the agent runs with, for tests that bring a clock of their own."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from edge.machine.clock import DeviceClock
from edge.memory.memory import Memory
from edge.memory.runtime import Runtime


def runtime(clock: object, record: Callable[[str, str, dict[str, Any]], object], memory: object = None) -> Runtime:
    """``clock`` and ``memory`` need only what the part under test asks of them."""
    return Runtime(asyncio.get_running_loop(), cast(DeviceClock, clock), cast(Memory, memory), None, record)
