"""What a charging post says of itself: its state and that of its connector, its boots, and who was turned away. Pure.

A post says the same as often as it likes: what comes again and again is recorded once, and then by its number.
"""

from typing import get_args

from msgspec.structs import replace

from contract.kinds.ev_post import EV_POST
from edge.archetypes.faults import set_fault
from edge.archetypes.protocol import Effect, Record, Wake
from edge.archetypes.session import HOUR_MS, MINUTE_MS
from edge.stations.ev_post.ends import no_strays
from edge.stations.ev_post.messages import Booted, Connected, Status, StatusSaid, Turned, TurnedAway
from edge.stations.ev_post.state import RUNNING, SETTLE_MS, EvPostState, Repeated, Step

CLOCK_OFF_MS = 2 * MINUTE_MS
TURNED_AWAY_MS = HOUR_MS
TURNED: tuple[Turned, ...] = get_args(Turned)
REPEATED_MS = 15 * MINUTE_MS
MAX_REPEATED = 8
"""Different rows in such a time; a post that says something else each time is recorded no more often."""


def status_said(state: EvPostState, said: StatusSaid) -> Step:
    """What a post says of itself as a whole lasts beside what it says of its connectors."""
    effects: list[Effect] = []
    if said.at_ms is not None:
        state = replace(state, offset_ms=said.heard_ms - said.at_ms)
        state, effects = set_fault(state, EV_POST, "clock_off", present=abs(state.offset_ms) > CLOCK_OFF_MS)
    state, more = _of_whole(state, said.status) if said.whole else _of_connector(state, said.status)
    state, noted = _faulted(state)
    return state, effects + more + noted


def _of_whole(state: EvPostState, status: Status) -> Step:
    return replace(state, whole=status), [Wake("whole", None)]


def _of_connector(state: EvPostState, status: Status) -> Step:
    effects: list[Effect] = []
    if status != state.status:
        effects.append(Wake("full", state.settings.full_ms if status == "sated" else None))
    state = replace(state, status=status)
    if status in RUNNING:
        return replace(state, rebooted=False, doubted=False), effects
    if status == "available":
        state, well = no_strays(state)
        effects += well
    if state.book.live is None:
        return state, effects
    if status == "available" or (status == "occupied" and state.rebooted and _tells_preparing(state)):
        state, wake = doubt(state)
        effects += wake
    return state, effects


def _tells_preparing(state: EvPostState) -> bool:
    """In 1.6 a connector is occupied (``Preparing``, ``Finishing``) while nothing runs; in 2.0.1 in any case."""
    return state.here is not None and state.here.version == "1.6"


def doubt(state: EvPostState) -> Step:
    """The post shows that nothing runs any more: what it has to tell of the end may be on its way."""
    doubted = state.rebooted or state.doubted
    return replace(state, doubted=doubted), [Wake("settle", SETTLE_MS)]


def _faulted(state: EvPostState) -> Step:
    return set_fault(state, EV_POST, "post_faulted", present="faulted" in (state.status, state.whole))


def forget_whole(state: EvPostState) -> Step:
    """The post has started anew or come back, and says nothing of itself as a whole."""
    return _faulted(replace(state, whole=""))


def booted(state: EvPostState, said: Booted) -> Step:
    """A boot is no end: some posts tell of one with every connection. One that has forgotten its transaction shows it
    by the state of its connector, or by a refusal to stop."""
    told = EV_POST.booted(vendor=said.vendor, model=said.model, firmware=said.firmware)
    state, well = no_strays(replace(state, rebooted=state.book.live is not None))
    state, noted = record(state, told)
    return state, [*well, *noted, Wake("whole", SETTLE_MS)]


def connected(state: EvPostState, here: Connected) -> Step:
    """A post is there. Two that go by one name would take turns, so that is told."""
    state, effects = no_strays(replace(state, here=here, greeted=False))
    for why in TURNED:
        state, cleared = set_fault(state, EV_POST, why, present=False)
        effects += cleared
    if here.replaced:
        state, noted = record(state, EV_POST.replaced(version=here.version))
        effects += noted
    return state, effects


def turned_away(state: EvPostState, said: TurnedAway) -> Step:
    state, effects = set_fault(state, EV_POST, said.why, present=True)
    return state, [*effects, Wake(said.why, TURNED_AWAY_MS)]


def record(state: EvPostState, row: Record) -> Step:
    """A row that may come again and again: the first one at once; those that are equal are counted for a while."""
    known = next((one for one in state.repeated if one.row == row), None)
    if known is None and len(state.repeated) < MAX_REPEATED:
        wake = [] if state.repeated else [Wake("repeated", REPEATED_MS)]
        return replace(state, repeated=(*state.repeated, Repeated(row))), [row, *wake]
    known = known or state.repeated[-1]
    more = tuple(replace(one, times=one.times + 1) if one is known else one for one in state.repeated)
    return replace(state, repeated=more), []


def record_repeated(state: EvPostState) -> Step:
    """What came again since it was recorded, by its number."""
    again = tuple(one for one in state.repeated if one.times)
    rows: list[Effect] = [replace(one.row, data={**one.row.data, "times": one.times}) for one in again]
    state = replace(state, repeated=tuple(replace(one, times=0) for one in again))
    return state, [*rows, *([Wake("repeated", REPEATED_MS)] if again else [])]
