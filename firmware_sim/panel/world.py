"""What the panel needs to know of the world that it shows. Whoever puts a world together provides this."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from firmware_sim.control.control import BoardControl


class Label(NamedTuple):
    """A name in the panel's two languages."""

    en: str
    zh: str

    def in_language(self, code: str) -> str:
        return self.zh if code.startswith("zh") else self.en


class Card(NamedTuple):
    """A card that lies ready. ``card`` is as ``commands.card_bits`` reads it; ``holder`` is a line below."""

    label: Label
    card: str
    holder: Label = Label("", "")


class PanelDevice(Protocol):
    """One device with its board, its cable and its two processes."""

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> Label: ...

    @property
    def control(self) -> BoardControl: ...

    @property
    def cable_in(self) -> bool: ...

    @property
    def agent_running(self) -> bool: ...

    @property
    def keeper_running(self) -> bool: ...

    async def status(self) -> dict[str, Any] | None:
        """What the agent says of itself, as ``hearthgate-edge status --json`` prints it; None if it does not answer."""

    async def cut(self) -> None:
        """Pull the network cable."""

    async def restore(self) -> None:
        """Put the network cable back."""

    async def kill_agent(self) -> None: ...

    async def start_agent(self) -> None: ...

    async def kill_keeper(self) -> None: ...

    async def start_keeper(self) -> None: ...


class PanelWorld(Protocol):
    """All devices by name, in the order in which they are shown, and the cards to try."""

    @property
    def devices(self) -> Mapping[str, PanelDevice]: ...

    @property
    def cards(self) -> Sequence[Card]: ...
