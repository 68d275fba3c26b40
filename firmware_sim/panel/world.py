"""What the panel needs to know of the world that it shows. Whoever puts a world together provides this."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from contract.phrases import Phrase
from firmware_sim.control.control import BoardControl

ANSWERS_WITHIN_S = 2.0


class Card(NamedTuple):
    """A card that lies ready. ``card`` is as ``commands.card_bits`` reads it; ``holder`` is a line below."""

    label: Phrase
    card: str
    holder: Phrase | None = None


class HeldText(NamedTuple):
    """A pass or a code that lies ready, for scanners and keypads: a phone shows another every few seconds."""

    label: Phrase
    text: Callable[[], str]


Part = Literal["cable", "agent", "keeper"]


class Plug(NamedTuple):
    """What may be pulled out of a device and put back: its network cable, or one of its processes."""

    is_in: Callable[[], bool]
    pull: Callable[[], Awaitable[None]]
    put_back: Callable[[], Awaitable[None]]


Status = dict[str, Any]
"""What an agent says of itself, as ``hearthgate-edge status --json`` prints it."""


async def ask_agent(socket: Path) -> Status | None:
    """What the agent at this socket says of itself; None if it is not there to ask."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
        with closing(writer):
            return dict(json.loads(await asyncio.wait_for(reader.read(), ANSWERS_WITHIN_S)))
    except (OSError, ValueError, TimeoutError):
        return None


class PanelDevice(Protocol):
    """One device with its board, its cable and its two processes."""

    @property
    def name(self) -> str:
        """Of the device, as its config says."""

    @property
    def label(self) -> Phrase:
        """What people call it."""

    @property
    def control(self) -> BoardControl:
        """Of its board."""

    @property
    def plugs(self) -> Mapping[Part, Plug]:
        """What may be pulled out of it."""

    async def status(self) -> Status | None:
        """What the agent says of itself; None if it does not answer."""
