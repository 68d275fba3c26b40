"""The wiring of a point, as far as its parts need to know it. The structs of a device's config have this form."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

Level = Literal["high", "low"]


class OutputWiring(Protocol):
    """A pin that drives a relay."""

    @property
    def pin(self) -> int: ...

    @property
    def relay(self) -> Level: ...

    @property
    def load(self) -> str: ...


class InputWiring(Protocol):
    """A pin that a contact pulls."""

    @property
    def pin(self) -> int: ...

    @property
    def active(self) -> Level: ...


class InstrumentWiring(Protocol):
    """An instrument on a bus."""

    @property
    def bus(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def address(self) -> int: ...

    @property
    def channel(self) -> int | None: ...


class PointWiring(Protocol):
    """Everything that is wired for one point."""

    @property
    def name(self) -> str: ...

    @property
    def zone(self) -> str: ...

    @property
    def free_exit(self) -> bool: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    @property
    def outputs(self) -> Mapping[str, OutputWiring]: ...

    @property
    def inputs(self) -> Mapping[str, InputWiring]: ...

    @property
    def instruments(self) -> Mapping[str, InstrumentWiring]: ...
