"""What a charging post says of itself: its state and that of its connector, its boots, and who was turned away. Pure.

A post says the same as often as it likes: what comes again and again is recorded once, and then by its number.
"""

from msgspec.structs import replace

from contract.kinds.ev_post import EV_POST
from edge.archetypes.protocol import Record, Wake
from edge.archetypes.session import MINUTE_MS
from edge.stations.ev_post.ends import forget_strays
from edge.stations.ev_post.messages import Booted, Status, StatusReported
from edge.stations.ev_post.state import RUNNING, SETTLE_MS, EvPostStep, Repeated

CLOCK_OFF_MS = 2 * MINUTE_MS
REPEATED_MS = 15 * MINUTE_MS
MAX_REPEATED = 8
"""Different rows in such a time; a post that says something else each time is recorded no more often."""


def status_reported(post: EvPostStep, message: StatusReported) -> None:
    """What a post says of itself as a whole lasts beside what it says of its connectors."""
    if message.at_ms is not None:
        post.do(offset_ms=message.received_ms - message.at_ms)
        post.set_fault("clock_off", present=abs(post.state.offset_ms) > CLOCK_OFF_MS)
    if message.whole:
        post.do(Wake("whole", None), whole=message.status)
    else:
        _take_status_of_connector(post, message.status)
    _note_faulted(post)


def _take_status_of_connector(post: EvPostStep, status: Status) -> None:
    before = post.state
    if status != before.status:
        post.do(Wake("full", before.settings.full_ms if status == "sated" else None), status=status)
    if status in RUNNING:
        post.do(rebooted=False, doubted=False)
    if status == "available":
        forget_strays(post)
    # In 1.6 a connector is occupied (Preparing, Finishing) while nothing runs; in 2.0.1 in any case.
    has_preparing = before.here is not None and before.here.version == "1.6"
    is_new = status == "occupied" and before.rebooted and has_preparing
    if before.book.live is not None and (status == "available" or is_new):
        doubt(post)


def doubt(post: EvPostStep) -> None:
    """The post shows that nothing runs any more: what it has to tell of the end may be on its way."""
    post.do(Wake("settle", SETTLE_MS), doubted=post.state.rebooted or post.state.doubted)


def _note_faulted(post: EvPostStep) -> None:
    post.set_fault("post_faulted", present="faulted" in (post.state.status, post.state.whole))


def forget_whole(post: EvPostStep) -> None:
    """The post has started anew or come back, and says nothing of itself as a whole."""
    post.do(whole="")
    _note_faulted(post)


def booted(post: EvPostStep, message: Booted) -> None:
    """A boot is no end: some posts tell of one with every connection. One that has forgotten its transaction shows it
    by the state of its connector, or by a refusal to stop."""
    post.do(rebooted=post.state.book.live is not None)
    forget_strays(post)
    record(post, EV_POST.booted(vendor=message.vendor, model=message.model, firmware=message.firmware))
    post.do(Wake("whole", SETTLE_MS))


def record(post: EvPostStep, row: Record) -> None:
    """A row that may come again and again: the first one at once; those that are equal are counted for a while."""
    repeated = post.state.repeated
    known = next((kept for kept in repeated if kept.row == row), None)
    if known is None and len(repeated) < MAX_REPEATED:
        wake = [] if repeated else [Wake("repeated", REPEATED_MS)]
        post.do(row, *wake, repeated=(*repeated, Repeated(row)))
    else:
        known = known or repeated[-1]
        more = (replace(kept, times=kept.times + 1) if kept is known else kept for kept in repeated)
        post.do(repeated=tuple(more))


def record_repeated(post: EvPostStep) -> None:
    """What came again since it was recorded, by its number."""
    again = [kept for kept in post.state.repeated if kept.times]
    rows = (replace(kept.row, data={**kept.row.data, "times": kept.times}) for kept in again)
    wake = [Wake("repeated", REPEATED_MS)] if again else []
    post.do(*rows, *wake, repeated=tuple(replace(kept, times=0) for kept in again))
