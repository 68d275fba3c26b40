"""How the two processes of a device start, and how any of its commands ends with one clear line."""

import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from contract.kinds import BadKind
from edge.config.device_config import ConfigError, load
from edge.config.kinds import add_kinds
from edge.config.wiring import Wirings
from edge.identity.identity import IdentityError
from edge.journal.journal import JournalError
from edge.machine.files import InUse
from edge.memory.memory import MemoryUnusable
from edge.roster.store import RosterError
from service.loading import loading

MENDABLE: tuple[type[Exception], ...] = (
    *(BadKind, ConfigError, IdentityError, InUse, JournalError, MemoryUnusable, RosterError, OSError),
)
"""What the user can mend, at any command: one line says what and where."""


def agent(config: Path, kinds: list[Path]) -> None:
    """Decide at this device's points, and sync with the cloud, until told to end."""
    with loading():
        from edge.device.process import run_agent

    with mendable():
        add_kinds(kinds)
        wirings = Wirings(load(config))
        _run(lambda: run_agent(wirings))


def keeper(config: Path, kinds: list[Path], *, park_only: bool = False) -> None:
    """Own the pins until told to end, or only put them to rest."""
    with loading():  # late, with gpiozero: only the keeper has pins
        from gpiozero.exc import BadPinFactory

        from edge.keeper.process import PinsLost, park, prompt_loop, run_keeper

    with mendable(BadPinFactory, PinsLost):
        add_kinds(kinds)
        wirings = Wirings(load(config))
        if park_only:
            park(wirings)
        else:
            _run(lambda: run_keeper(wirings), prompt_loop)


@contextmanager
def mendable(*more: type[Exception]) -> Iterator[None]:
    """What the user can mend ends the program with one line and exit 2; ``more`` is what this command adds to it."""
    try:
        yield
    except MENDABLE + more as wrong:
        fail(str(wrong))


def fail(text: str) -> NoReturn:
    """One clear line, exit 2: what the user can mend is no traceback."""
    print(f"hearthgate-edge: {text}", file=sys.stderr)
    raise SystemExit(2)


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
