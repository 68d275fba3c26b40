"""How the two processes of a device start. A unit's start loads no command line."""

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from edge.config.device_config import load
from edge.config.wiring import Wirings
from edge.machine.mendable import mendable
from service.loading import loading


def agent(config: Path) -> None:
    """Decide at this device's points, and sync with the cloud, until told to end."""
    with loading():
        from edge.device.process import run_agent

    with mendable():
        wirings = Wirings(load(config))
        _run(lambda: run_agent(wirings))


def keeper(config: Path, *, park_only: bool = False) -> None:
    """Own the pins until told to end, or only put them to rest."""
    with loading():  # late, with gpiozero: only the keeper has pins
        from gpiozero.exc import BadPinFactory

        from edge.keeper.process import park, prompt_loop, run_keeper

    with mendable(BadPinFactory):
        wirings = Wirings(load(config))
        if park_only:
            park(wirings)
        else:
            _run(lambda: run_keeper(wirings), prompt_loop)


def _run(
    process: Callable[[], Coroutine[Any, Any, None]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # What was imported is there for good. To look through it for garbage took 15 to 25 ms, with somebody at the door.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(process())
