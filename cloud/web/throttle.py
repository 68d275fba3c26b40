"""Counts wrong tries, so that nobody guesses for long."""

from collections import OrderedDict

from msgspec import Struct

MAX_WATCHED = 10_000
"""Names and addresses whose wrong tries are remembered."""


class Limit(Struct, frozen=True):
    """At most ``tries`` wrong ones within a window."""

    tries: int
    window_ms: int


class Throttle:
    """Counts wrong tries by key. Bounded: the key that has been quiet longest is forgotten first."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._wrong: OrderedDict[str, list[int]] = OrderedDict()

    def blocks(self, key: str, now_ms: int) -> bool:
        recent = [at_ms for at_ms in self._wrong.get(key, ()) if at_ms > now_ms - self._limit.window_ms]
        return len(recent) >= self._limit.tries

    def count(self, key: str, now_ms: int) -> None:
        times = [*self._wrong.pop(key, []), now_ms]
        self._wrong[key] = times[-self._limit.tries :]
        if len(self._wrong) > MAX_WATCHED:
            self._wrong.popitem(last=False)

    def withdraw(self, key: str, at_ms: int) -> None:
        """A try that was counted was none."""
        times = self._wrong.get(key, [])
        if at_ms in times:
            times.remove(at_ms)

    def forget(self, key: str) -> None:
        self._wrong.pop(key, None)
