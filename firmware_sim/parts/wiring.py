"""The wiring of a point, as far as its parts need to know it. The tables of a device's config have these keys."""

from typing import Any, Literal

from msgspec import Struct

Level = Literal["high", "low"]


class OutputWiring(Struct, frozen=True):
    """A pin that drives a relay."""

    pin: int
    relay: Level
    load: str


class InputWiring(Struct, frozen=True):
    """A pin that a contact pulls."""

    pin: int
    active: Level


class InstrumentWiring(Struct, frozen=True):
    """An instrument on a bus."""

    bus: str
    model: str
    address: int
    channel: int | None


class PointWiring(Struct, frozen=True):
    """Everything that is wired for one point."""

    name: str
    zone: str
    free_exit: bool
    settings: dict[str, Any]
    outputs: dict[str, OutputWiring]
    inputs: dict[str, InputWiring]
    instruments: dict[str, InstrumentWiring]
