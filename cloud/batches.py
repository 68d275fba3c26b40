"""What a batch of events must be before it counts: signed by its device, and a piece of its journal's chain."""

from itertools import accumulate

from contract.events import chain
from contract.messages import EventBatch
from contract.sealing import DeviceVerifier, tip_statement


class Refused(Exception):
    """A message has no effect. ``why`` is one word for the tally, ``detail`` a sentence."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail


def check_seal(batch: EventBatch, site: str, device: str, verifier: DeviceVerifier) -> None:
    """Raises ``Refused`` unless the device signed that these rows of this journal end in this link."""
    stated = tip_statement(site, device, batch.journal, batch.first, batch.last, batch.tip)
    if not verifier.accepts(stated, batch.seal):
        raise Refused("bad_seal", f"the seal of rows {batch.first} to {batch.last} is not this device's")


def links_of(batch: EventBatch) -> list[bytes]:
    """The link of every row. Raises ``Refused`` if the events are not those that end in the signed link."""
    if len(batch.events) != batch.last - batch.first + 1:
        raise Refused("bad_chain", f"{len(batch.events)} events for rows {batch.first} to {batch.last}")
    links = list(accumulate(batch.events, chain, initial=batch.prev))[1:]
    if links[-1] != batch.tip:
        raise Refused("bad_chain", f"rows {batch.first} to {batch.last} do not end in the link that was signed")
    return links


def rows_known(batch: EventBatch, links: list[bytes], upto: int, tip: bytes) -> int | None:
    """How many rows of the batch the journal, stored up to ``upto`` and its link ``tip``, has already.

    None if rows before the batch are missing. Raises ``Refused`` if the batch continues another past than the stored
    one. A batch that lies before ``upto`` as a whole has no link to compare: its rows must be compared themselves.
    """
    known = upto - batch.first + 1
    if known < 0:
        return None
    if known > len(links):
        return len(links)
    link = links[known - 1] if known else batch.prev
    if link != tip:
        raise Refused("fork", f"rows {batch.first} to {batch.last} do not continue row {upto} as it is stored")
    return known
