"""What a device shows of itself unasked: its state, at most once a second, and with it its health, which also comes
alone; and what its stations measure at this moment, which nobody mourns."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Mapping
from typing import Any

from contract import codec
from contract.messages import Beat, Live, State
from edge.link.sealed_channel import SealedChannel

STATE_EVERY_S = 1.0
EVENT_FIRST_S = 0.05
"""How long a change waits to be told: the event that it came of goes first, for the cloud takes one message after the
other, and an event must not stand behind a state."""
STATE_AGAIN_S = 30.0
"""How long a state that reads as before is not published again: a broker may have lost the one before it."""
BEAT_EVERY_S = 30.0
WAITING_BEAT_EVERY_S = 5.0
"""While rows wait for the cloud, somebody may be watching them go."""
LIVE_EVERY_S = 2.0

Shown = Mapping[str, dict[str, Any]]
"""By point: what a screen shows of this moment."""


class Announcer:
    """The publisher of what ``state`` (for a connection's number) and ``beat`` say, whenever it is called for."""

    def __init__(
        self,
        channel: SealedChannel,
        loop: AbstractEventLoop,
        *,
        state: Callable[[int], State],
        beat: Callable[[], Beat],
    ) -> None:
        self._channel, self._loop = channel, loop
        self._state, self._beat = state, beat
        self._connection = 0
        self._published: State | None = None
        self._published_s = 0.0
        self._published_news: object = None
        self._next_state: TimerHandle | None = None
        self._next_beat: TimerHandle | None = None
        self._stale = self._gone = False

    def went_up(self, connection: int) -> None:
        """A new connection knows nothing of us yet: the broker may have forgotten what it had kept."""
        self.close()
        self._connection = connection
        self._publish_state()

    def changed(self) -> None:
        """The state may read differently now; it is published soon, or when the second is over."""
        if self._gone or not self._channel.link.up:
            return
        self._stale = True
        if self._next_state is None:
            self._next_state = self._loop.call_later(EVENT_FIRST_S, self._publish_state)

    def goodbye(self) -> None:
        """An orderly end: offline, and signed. Nothing that changes afterwards makes it online again."""
        self._gone = True
        self.close()
        self._channel.publish("state", State(online=False, connection=self._connection))

    def close(self) -> None:
        for timer in (self._next_state, self._next_beat):
            if timer is not None:
                timer.cancel()
        self._next_state = self._next_beat = None

    def _publish_state(self) -> None:
        """State and health together, if one of them reads differently: whoever reads that something changed wants to
        know how the device is now."""
        self._stale = False
        state, now_s = self._state(self._connection), self._loop.time()
        if state != self._published or now_s - self._published_s >= STATE_AGAIN_S:
            self._published, self._published_s = state, now_s
            self._channel.publish("state", state)
            self._publish_beat()
        elif _news(beat := self._beat()) != self._published_news:
            self._publish_beat(beat)
        self._next_state = self._loop.call_later(STATE_EVERY_S, self._second_over)

    def _second_over(self) -> None:
        self._next_state = None
        if self._stale and self._channel.link.up:
            self._publish_state()

    def _publish_beat(self, beat: Beat | None = None) -> None:
        if self._next_beat is not None:
            self._next_beat.cancel()
        beat = beat or self._beat()
        self._published_news = _news(beat)
        self._channel.publish("beat", beat)
        after_s = WAITING_BEAT_EVERY_S if beat.waiting else BEAT_EVERY_S
        self._next_beat = self._loop.call_later(after_s, self._publish_beat)


def _news(beat: Beat) -> object:
    """What of a health report is not just the time that passes."""
    return beat.faults, beat.waiting, beat.unlogged, beat.clock


class LiveReadings:
    """The publisher of what ``show`` says, by point, whenever it reads differently than two seconds ago."""

    def __init__(
        self,
        channel: SealedChannel,
        loop: AbstractEventLoop,
        *,
        show: Callable[[], Shown],
        now_ms: Callable[[], int],
    ) -> None:
        self._channel, self._loop = channel, loop
        self._show, self._now_ms = show, now_ms
        self._published: Shown = {}
        self._next: TimerHandle | None = None

    def went_up(self) -> None:
        """A new connection knows nothing yet."""
        self.close()
        self._published = {}
        self._look()

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()

    def _look(self) -> None:
        shown = self._show()
        if shown != self._published:
            self._published = shown
            self._channel.publish("live", Live(self._now_ms(), dict(shown)))
        self._next = self._loop.call_later(LIVE_EVERY_S, self._look)


def will(connection: int) -> bytes:
    """What the broker says for us should this connection be lost: unsealed, and believed of this connection only."""
    return codec.write(State(online=False, connection=connection))
