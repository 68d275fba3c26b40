"""Events up, acknowledgements down: the journal's rows reach the cloud in order, and only the cloud says which.

Only durable rows are sent, so no number is ever given out twice. A few batches are under way at once; an
acknowledgement counts for all rows up to its own. Where the cloud misses rows, or says nothing for too long, sending
goes back to the last acknowledged row, and further where a cloud that was restored from a backup asks for more. An
acknowledgement is believed by its seal and by nothing else.
"""

from asyncio import AbstractEventLoop, Future, TimerHandle
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import NamedTuple

from contract import codec
from contract.codec import Malformed
from contract.messages import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, Ack, EventBatch
from contract.sealing import BadSeal, Purpose, SyncKey, mac_is_good
from edge.journal.journal import Batch, JournalError
from edge.journal.recorder import Recorder
from edge.link.sealed_channel import SealedChannel

WINDOW = 4
"""Batches under way at once; after a silence one, until the cloud answers again."""
ACK_WITHIN_S = 5.0
MAX_WAIT_S = 60.0
MAX_AHEAD = 3
"""Silences after which a cloud that speaks of rows we never had must have them from another disk of our name."""
READ_AGAIN_S = 10.0
"""After a batch that could not be read: a disk that fails for a moment keeps no row from the cloud for ever."""
BATCH_HEAD_BYTES = 256
"""Room for all of a batch but its events."""


class Sent(NamedTuple):
    """A batch under way: its last row, and the loop's time when it was sent. ``first_time`` if the cloud cannot have
    heard of that row before: an answer to an earlier sending may have been held back for hours."""

    last: int
    at_s: float
    first_time: bool


class Uplink:
    """The sender of a recorder's rows over a channel. ``take_time`` is told the cloud's time and the milliseconds of
    the round trip that brought it. ``refused`` counts the acknowledgements that were not believed, by reason, and
    ``fault`` is why rows cannot be read, empty when well."""

    def __init__(
        self,
        channel: SealedChannel,
        recorder: Recorder,
        take_time: Callable[[int, int], object],
        sync_key: SyncKey,
        loop: AbstractEventLoop,
        random: Random,
    ) -> None:
        self.refused: Counter[str] = Counter()
        self.fault = ""
        self._channel, self._recorder, self._take_time = channel, recorder, take_time
        self._accepts = partial(mac_is_good, sync_key)
        self._loop, self._random = loop, random
        self._sent = recorder.acked
        self._ever_sent = recorder.last_seq  # an earlier process may have sent them
        self._unanswered: deque[Sent] = deque()
        self._offline_upto = 0
        self._sent_from: int | None = None
        self._ahead = False
        self._reading = False
        self._turn = 0
        self._silences = 0
        self._held_back = False
        self._rewound_to: int | None = None
        self._overdue: TimerHandle | None = None
        self._read_again: TimerHandle | None = None
        recorder.on_durable = self._send_more
        recorder.on_forked = self._forked

    @property
    def has_news(self) -> bool:
        """Whether there is a row that was never sent: only the answer to such a one can tell the time."""
        return self._recorder.last_seq > self._ever_sent

    def went_up(self) -> None:
        """The link is there: go on behind the last acknowledged row. Rows from before are sent as replayed: nobody
        is notified of them."""
        self._offline_upto = self._recorder.last_seq
        self._silences = 0
        self._sent_from = None
        self._go_back(self._recorder.acked)

    def went_down(self) -> None:
        """Wait for no answer any more to what was sent, and drop what is being read."""
        self._turn += 1
        self._held_back = False
        self._unanswered.clear()
        self._expect_answer()

    def acknowledged(self, payload: bytes, retained: bool) -> None:
        """Take an acknowledgement as it came over the link; one that cannot be believed changes nothing."""
        try:
            ack = self._believe(payload, retained)
        except Malformed as wrong:
            self.refused[str(wrong)] += 1
            self._ahead = self._ahead or str(wrong) == "ahead"
            return
        if ack.fork:
            self._fork(ack.upto)
            return
        if ack.later_ms and self._unanswered:
            self._hold_back(ack.later_ms)
            return
        is_news = ack.upto > self._recorder.acked
        answered = self._forget_acknowledged(ack.upto)
        round_trip_s = ACK_WITHIN_S if answered is None else self._loop.time() - answered.at_s
        # The cloud wrote its time down somewhere on the way; one that was long under way says too little.
        if answered is not None and answered.first_time and round_trip_s < ACK_WITHIN_S:
            self._take_time(ack.now_ms, round(round_trip_s * 1000))
        self._recorder.acknowledge(ack.upto)
        self._sent = max(self._sent, ack.upto)
        if ack.rewind and ack.upto < self._sent and ack.upto != self._rewound_to and not self._held_back:
            self._rewound_to = ack.upto
            self._go_back(ack.upto)
        elif not (is_news or answered or ack.rewind):
            self.refused["stale"] += 1
        self._send_more()

    def close(self) -> None:
        self.went_down()
        if self._read_again is not None:
            self._read_again.cancel()
        self._recorder.on_durable = self._recorder.on_forked = lambda: None

    def _fork(self, upto: int) -> None:
        """Two disks may live under our name. Only the one that has just sent its row behind ``upto`` is meant."""
        if self._sent_from is not None and self._sent_from <= upto + 1:
            self._recorder.fork(upto)
        else:
            self.refused["not_mine"] += 1

    def _hold_back(self, wait_ms: int) -> None:
        """The cloud is overloaded, and has dropped what was sent: send it again after this time, one batch at first."""
        self.went_down()
        self._held_back = True
        self._silences = max(self._silences, 1)
        self._overdue = self._loop.call_later(wait_ms / 1000, self._send_again)

    def _forked(self) -> None:
        """A new journal, from its first row on. What it carries is sent as replayed."""
        self._offline_upto = self._recorder.last_seq
        self._sent_from = None
        self._ever_sent = 0
        self._go_back(0)

    def _believe(self, payload: bytes, retained: bool) -> Ack:
        """Raises ``Malformed`` with one word for the tally."""
        if retained:
            raise Malformed("retained")
        try:
            ack = codec.read(self._channel.unseal(self._accepts, Purpose.ACK, payload), Ack)
        except BadSeal:
            raise Malformed("bad_seal") from None
        except Malformed:
            raise Malformed("malformed") from None
        if ack.journal != self._recorder.journal_id:
            raise Malformed("other_journal")
        if ack.upto > self._recorder.durable:
            raise Malformed("ahead")
        return ack

    def _forget_acknowledged(self, upto: int) -> Sent | None:
        """Forget the batches that are acknowledged; returns the last of them."""
        answered = None
        while self._unanswered and self._unanswered[0].last <= upto:
            answered = self._unanswered.popleft()
        if answered is not None:
            self._silences = 0
            self._ahead = False
            self._rewound_to = None
            self._expect_answer()
        return answered

    def _go_back(self, upto: int) -> None:
        """Send everything behind ``upto`` (again)."""
        self.went_down()
        self._sent = upto
        self._send_more()

    def _expect_answer(self) -> None:
        """Expect an answer to what is under way: within 5 s at first, and more patiently after each silence."""
        if self._overdue is not None:
            self._overdue.cancel()
        if self._unanswered:
            wait_s = min(ACK_WITHIN_S * 2**self._silences, MAX_WAIT_S) * self._random.uniform(1.0, 1.2)
            self._overdue = self._loop.call_later(wait_s, self._answer_overdue)

    def _answer_overdue(self) -> None:
        self._silences += 1
        if self._ahead and self._silences >= MAX_AHEAD:
            self._ahead = False
            self._recorder.fork(self._recorder.acked)
        self._send_again()

    def _send_again(self) -> None:
        self._rewound_to = None
        self._go_back(self._recorder.acked)

    def _send_more(self) -> None:
        """Send as many batches as there is room for, from memory; one that must be read from the file is sent then."""
        window = 0 if self._held_back else 1 if self._silences else WINDOW
        while self._channel.link.up and not self._reading and len(self._unanswered) < window:
            if self._recorder.durable <= self._sent:
                return
            old = max(self._offline_upto, self._recorder.acked)  # what was acknowledged once was shown then
            replay = self._sent < old
            bounds = self._sent, MAX_BATCH_EVENTS, MAX_BATCH_BYTES - BATCH_HEAD_BYTES
            batch = self._recorder.recent_batch(*bounds, upto=old if replay else None)
            if batch is None:
                self._reading = True
                read = self._recorder.batch(*bounds, upto=old if replay else None)
                read.add_done_callback(partial(self._have_read, self._turn, replay))
            else:
                self._send(batch, replay)

    def _have_read(self, turn: int, replay: bool, read: "Future[Batch | None]") -> None:
        self._reading = False
        try:
            batch = read.result()
        except JournalError as error:
            self.fault = str(error)
            if self._read_again is not None:
                self._read_again.cancel()
            self._read_again = self._loop.call_later(READ_AGAIN_S, self._send_more)
            return
        self.fault = ""
        if turn == self._turn and self._channel.link.up:
            if batch is None:
                return
            self._send(batch, replay)
        self._send_more()

    def _send(self, batch: Batch, replay: bool) -> None:
        message = EventBatch(
            version=codec.SCHEMA_VERSION,
            journal=self._recorder.journal_id,
            first=batch.first,
            last=batch.last,
            prev=batch.prev,
            tip=batch.tip,
            replay=replay,
            events=batch.events,
            seal=b"",
        )
        self._channel.publish_events(message, batch.gaps)
        self._sent = batch.last
        self._sent_from = min(batch.first, self._sent_from or batch.first)
        self._unanswered.append(Sent(batch.last, self._loop.time(), batch.last > self._ever_sent))
        self._ever_sent = max(self._ever_sent, batch.last)
        if len(self._unanswered) == 1:
            self._expect_answer()
