"""A station whose effects are done at once: the part that the harnesses of sockets and banks share."""

from typing import Any

from edge.archetypes.protocol import Drive, Due, Effect, Input, Persist, Record, Rest, Wake


class DrivenStation:
    """Feeds a station with one output and does its effects: its records, its lease, its wake-ups, what it keeps."""

    def __init__(self, kind: Any) -> None:
        self.state: Any
        self.now_ms = 1_000_000
        self.wakes: dict[str, int] = {}
        self.lease_until_ms: int | None = None
        self.records: list[Record] = []
        self.kept = b""
        self._kind = kind

    @property
    def phase(self) -> str:
        return str(self._kind.report(self.state).phase)

    @property
    def faults(self) -> set[str]:
        return set(self._kind.report(self.state).faults)

    @property
    def on(self) -> bool:
        return self.lease_until_ms is not None and self.now_ms < self.lease_until_ms

    def take(self, happened: Input) -> list[Effect]:
        effects: list[Effect]
        self.state, effects = self._kind.step(self.state, happened, self.now_ms)
        for effect in effects:
            self._do(effect)
        return effects

    def wake_up(self) -> None:
        """What is due by now; one wake-up may call off another."""
        for name in [name for name, at_ms in self.wakes.items() if at_ms <= self.now_ms]:
            if self.wakes.pop(name, None) is not None:
                self.take(Due(name))

    def _do(self, effect: Effect) -> None:
        match effect:
            case Record():
                self.records.append(effect)
            case Drive(lease_ms=lease_ms):
                self.lease_until_ms = self.now_ms + lease_ms
            case Rest():
                self.lease_until_ms = None
            case Wake(name=name, after_ms=None):
                self.wakes.pop(name, None)
            case Wake(name=name, after_ms=int(after_ms)):
                self.wakes[name] = self.now_ms + after_ms
            case Persist(document=document):
                self.kept = document
