"""A queue of effects between a journal in the test's hands and an executor that writes down what it does."""

import asyncio
from collections.abc import Callable

from edge.agent.effect_queue import EffectQueue
from edge.archetypes.protocol import Ask, CannotRecord, Drive, Effect, Persist, Record, Rest, Send, Show, Spend, Wake
from tests.edge.support.recordings import HandRecording

KEPT: list[Effect] = [Record("session.started"), Persist(b"page"), Drive("relay", 10_000, "durable")]


class Bench:
    """A queue between a journal and an executor that writes down what it does, with its time in ms."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.recording = HandRecording()
        self.done: list[tuple[float, str]] = []
        self.refused: list[CannotRecord] = []
        self.to_persist: list[Callable[[], None]] = []
        self.queue = EffectQueue("gym", self.loop, self.recording, self, self.refused.append, self._guarded)

    @property
    def order(self) -> list[str]:
        return [what for _, what in self.done]

    def carry_out(self, point: str, effect: Effect) -> None:
        match effect:
            case Drive(output=output, lease_ms=lease_ms):
                self._note(f"drive {point}.{output} {lease_ms}")
            case Rest(output=output):
                self._note(f"rest {point}.{output}")
            case Show(lamp=lamp):
                self._note(f"show {lamp} at {point}")
            case Wake(name=name, after_ms=after_ms):
                self._note(f"wake {name} {after_ms}")
            case Send(port=port, message=message):
                self._note(f"send {message} to {port}")
            case Spend(used=used):
                self._note(f"spend {used['minutes']}")
            case Ask(about=about):
                self._note(f"ask {about}")

    def persist(self, point: str, document: bytes, persisted: Callable[[], None]) -> None:
        self._note(f"persist {document.decode()}")
        self.to_persist.append(persisted)

    def _guarded(self, act: Callable[..., None], *arguments: object) -> None:
        act(*arguments)

    def _note(self, what: str) -> None:
        self.done.append((round(self.loop.time() * 1000, 3), what))


async def persisted_start() -> Bench:
    bench = Bench()
    bench.queue.put(KEPT)
    return bench


ENDED: list[Effect] = [
    Rest("relay"),
    Persist(b"page"),
    Record("session.ended", {}, "persisted"),
    Show("red", "over_temp"),
]
