"""What an agent touches of the world, each a port: so a whole community lives in one process, in virtual time."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from edge.agent.decider import Decider
from edge.archetypes.protocol import Restored, Spend
from edge.keeper.protocol import KeeperPort
from edge.machine.clock import Clock


class Recording(Protocol):
    """The part of the recorder that an agent needs. Callbacks run on the loop, never at once."""

    def record(self, point: str, kind: str, data: dict[str, Any]) -> int | None:
        """Append an event; returns its number, or None if the disk takes none."""

    def seq_of(self, number: int) -> int:
        """The row of the event of this number in the journal of today."""

    def when_written(self, seq: int, callback: Callable[[], None]) -> None:
        """Call back when the row is in the file."""

    def when_durable(self, seq: int, callback: Callable[[], None]) -> None:
        """Call back when the row is on the disk."""


class Notes(Protocol):
    """What outlives a restart: the document of each point, and what the sessions have used."""

    def restored(self, point: str) -> Restored | None:
        """The document of the point when this agent started."""

    def persist(self, point: str, document: bytes, persisted: Callable[[], None]) -> None:
        """Keep this document of the point; ``persisted`` is called once it is on the disk."""

    def spend(self, point: str, spent: Spend) -> bool:
        """Whether nothing is left of the allotment."""


class AgentPorts(Struct, frozen=True):
    """What the parts of an agent have in common. Without a notebook nothing outlives a restart."""

    loop: AbstractEventLoop
    clock: Clock
    recording: Recording
    decider: Decider
    keeper: KeeperPort
    notebook: Notes | None = None
