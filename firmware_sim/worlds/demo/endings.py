"""How a world on a terminal hears that it is to end."""

import asyncio
import signal


async def stop_signal() -> None:
    """Return at the first SIGINT or SIGTERM."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
