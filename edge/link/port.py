"""The port through which a device speaks to its cloud. It may lose, repeat and delay: nothing rests on its word."""

from collections.abc import Callable
from typing import Protocol


class Link(Protocol):
    """A connection to the broker that comes and goes. Its callbacks run on the loop, one at a time.

    ``on_up`` is given the connection's number, which counts up over restarts. ``on_message`` is given topic, payload,
    and whether the broker had kept the message from earlier. ``why_down`` is empty while the link is up; ``faults``
    counts what callbacks have raised, which the link survives, and ``oversized`` the messages too large to be heard.
    """

    on_up: Callable[[int], object]
    on_down: Callable[[], object]
    on_message: Callable[[str, bytes, bool], object]

    @property
    def why_down(self) -> str: ...

    @property
    def faults(self) -> int: ...

    @property
    def oversized(self) -> int: ...

    @property
    def up(self) -> bool: ...

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Hand a message to the broker if the link is up; otherwise it is dropped."""

    def again(self) -> None:
        """Let go of the broker, and connect anew."""
