"""A device as the cloud sees it: a key, journals that are chains, and sealed messages."""

from collections.abc import Sequence
from typing import Any, Literal

from contract import codec
from contract.decide import Trust
from contract.events import CHAIN_START, Event, chain, encode_event, gap_event, read_gap
from contract.messages import EventBatch, RosterState, State
from contract.sealing import DeviceKey, Purpose, statement, tip_statement

SITE = "sunny-court"
JOURNAL = "00112233445566aa"


def event(seq: int, kind: str = "access.refused", **data: object) -> Event:
    return Event(seq, 1_700_000_000_000 + seq, 1000 * seq, "b7", Trust.SYNCED, "gym-turnstile", kind, data)


class Sender:
    """``rows`` are the stored bytes of its journal, row 1 first."""

    def __init__(self, name: str = "gym-1", journal: str = JOURNAL, key: DeviceKey | None = None) -> None:
        self.name = name
        self.journal = journal
        self.key = key or DeviceKey.generate()
        self.rows: list[bytes] = []
        self.links = [CHAIN_START]

    def record(self, count: int = 1, reason: str = "unknown_credential") -> None:
        for _ in range(count):
            self.keep(encode_event(event(len(self.rows) + 1, reason=reason)))

    def keep(self, stored: bytes) -> None:
        """Add a row of any bytes to the journal."""
        self.rows.append(stored)
        self.links.append(chain(self.links[-1], stored))

    def copy(self) -> "Sender":
        """The same device on another disk, with the same past."""
        other = Sender(self.name, self.journal, self.key)
        other.rows, other.links = self.rows.copy(), self.links.copy()
        return other

    def gap(self, first: int, last: int, why: Literal["full", "let_go"] = "full") -> bytes:
        """What stands for these rows when they are gone."""
        return encode_event(gap_event(event(last), first, self.links[last], why))

    def sealed(self, first: int, last: int, stored: Sequence[bytes], prev: bytes | None = None) -> bytes:
        """A batch of any events, with gaps among them."""
        tip, gaps = self.links[last], [one for one in stored if read_gap(one)]
        seal = self.key.sign(tip_statement(SITE, self.name, self.journal, first, last, tip, gaps))
        prev = self.links[first - 1] if prev is None else prev
        return codec.pack(EventBatch(1, self.journal, first, last, prev, tip, True, list(stored), seal))

    def batch(self, first: int, last: int, *, replay: bool = False) -> EventBatch:
        tip = self.links[last]
        seal = self.key.sign(tip_statement(SITE, self.name, self.journal, first, last, tip))
        return EventBatch(
            version=codec.SCHEMA_VERSION,
            journal=self.journal,
            first=first,
            last=last,
            prev=self.links[first - 1],
            tip=tip,
            replay=replay,
            events=self.rows[first - 1 : last],
            seal=seal,
        )

    def events(self, first: int, last: int) -> bytes:
        """The payload of a batch."""
        return codec.pack(self.batch(first, last))

    def state(
        self, connection: int, roster: RosterState | None = None, *, online: bool = True, boot: str = "b7", **more: Any
    ) -> bytes:
        told = State(online=online, connection=connection, boot=boot, roster=roster or RosterState(), **more)
        body = codec.write(told)
        return codec.attach(body, self.key.sign(statement(Purpose.STATE, SITE, self.name, body)))

    def will(self, connection: int) -> bytes:
        return codec.write(State(online=False, connection=connection))
