"""What a batch of events must be before it counts: signed by its device, and a piece of its journal's chain."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from msgspec import Struct

from cloud.devices.quarantine import Refused
from contract.events import GAP, Gap, chain, links_of, read_gap
from contract.messages import EventBatch
from contract.sealing import DeviceVerifier, tip_statement


class ForkedHistory(Exception):
    """A batch that its device signed, and that does not continue the stored rows: two disks are used under one name, or
    an old copy of a disk has been started."""


class VerifiedBatch(Struct):
    """A batch whose seal and chain were verified. Each of its ``events`` has a number in ``seqs`` and a link in
    ``links``; ``gaps`` are the events that stand in for several rows, by their place in the batch."""

    events: Sequence[bytes]
    first: int
    prev: bytes
    seqs: Sequence[int]
    links: Sequence[bytes]
    gaps: Mapping[int, Gap]

    @property
    def last(self) -> int:
        return self.seqs[-1]

    @property
    def first_kept(self) -> int:
        """The first row that the device still has: it may have dropped all rows before."""
        gap = self.gaps.get(0)
        return gap.last + 1 if gap and gap.first == 1 else self.first


def verify_batch(batch: EventBatch, site: str, device: str, verifier: DeviceVerifier) -> VerifiedBatch:
    """The rows of a batch. Raises ``Refused`` unless the device signed that these rows of this journal, and these gaps
    among them, end in this link."""
    gaps = _gaps_in(batch.events)
    stated = tip_statement(
        site, device, batch.journal, batch.first, batch.last, batch.tip, [batch.events[place] for place in gaps]
    )
    if not verifier.accepts(stated, batch.seal):
        raise Refused("bad_seal", f"the seal of rows {batch.first} to {batch.last} is not this device's")
    verified = _with_gaps(batch, gaps) if gaps else _whole(batch)
    if verified.last != batch.last:
        raise Refused("bad_chain", f"{len(batch.events)} events for rows {batch.first} to {batch.last}")
    if verified.links[-1] != batch.tip:
        raise Refused("bad_chain", f"rows {batch.first} to {batch.last} do not end in the link that was signed")
    return verified


def _gaps_in(events: Sequence[bytes]) -> Mapping[int, Gap]:
    """One look at all of them together: hardly any batch has a gap."""
    if GAP.encode() not in b"".join(events):
        return {}
    return {place: gap for place, stored in enumerate(events) if (gap := read_gap(stored))}


def _whole(batch: EventBatch) -> VerifiedBatch:
    links = links_of(batch.prev, batch.events)
    seqs = range(batch.first, batch.first + len(links))
    return VerifiedBatch(batch.events, batch.first, batch.prev, seqs, links, {})


def _with_gaps(batch: EventBatch, gaps: Mapping[int, Gap]) -> VerifiedBatch:
    seqs, links = [], []
    last, link = batch.first - 1, batch.prev
    for place, stored in enumerate(batch.events):
        gap = gaps.get(place)
        if gap is None:
            last, link = last + 1, chain(link, stored)
        elif gap.first == last + 1:
            last, link = gap.last, bytes.fromhex(gap.tip_after)
        else:
            raise Refused("bad_chain", f"a gap of rows {gap.first} to {gap.last} behind row {last}")
        seqs.append(last)
        links.append(link)
    return VerifiedBatch(batch.events, batch.first, batch.prev, seqs, links, gaps)


def count_stored(verified: VerifiedBatch, upto: int, tip: bytes) -> int | None:
    """How many events of the batch stand for rows that the journal, stored up to ``upto`` and its link ``tip``, has.

    None if rows before the batch are missing. Raises ``ForkedHistory`` if it does not continue what is stored. A batch
    that lies before ``upto`` as a whole has no link to compare: its rows must be compared themselves. Nor has a gap
    that reaches from before ``upto`` behind it: it is believed, for its device signed it.
    """
    if verified.first > upto + 1:
        return None
    count = bisect_right(verified.seqs, upto)
    seq, link = (verified.seqs[count - 1], verified.links[count - 1]) if count else (verified.first - 1, verified.prev)
    if seq == upto and link != tip:
        raise ForkedHistory
    return count
