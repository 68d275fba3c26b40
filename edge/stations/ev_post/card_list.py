"""The list that a post keeps, as its station sees to it: who is on it, and when that is weighed anew. Pure."""

from msgspec.structs import replace

from contract.reasons import Reason
from contract.sessions import Stop
from edge.archetypes.protocol import Ask, Decided, Effect
from edge.stations.ev_post import local_list
from edge.stations.ev_post.ends import stop
from edge.stations.ev_post.messages import Version, card_bytes
from edge.stations.ev_post.state import OF_STATION, EvPostState, Step, numbered, tell

LONGEST_TAG: dict[Version, int] = {"1.6": 20, "2.0.1": 36}
"""A card that a post names by more than its lists can hold would spoil each list that it stands on."""
TAKEN_AWAY = frozenset({Reason.SUSPENDED, Reason.REPORTED_LOST})
"""What ends the session of a card that is weighed anew."""


def listed(state: EvPostState, tag: str, found: Decided) -> Step:
    """A card that was weighed here goes on the list as the post writes it, or leaves it."""
    if card_bytes(tag) is None or state.here is None or not state.here.leads:
        return state, []
    if len(tag) > LONGEST_TAG[state.here.version]:
        return state, []
    reason, grant = found.decision.reason, found.decision.grant
    if reason not in OF_STATION or tag.upper() not in state.cards.wanted:
        cards = local_list.refused(state.cards, tag.upper())
        if found.decision.allowed and grant is not None:
            cards = local_list.allowed(state.cards, tag.upper(), grant.valid_until_ms)
        state = replace(state, cards=cards)
    return send_next(state)


def weighed_again(state: EvPostState, found: Decided) -> Step:
    """A card of the list; with the first of them a new roster is noticed, and then all of them are weighed."""
    tag, session = found.about.removeprefix("list:"), state.book.session
    effects: list[Effect] = []
    if found.roster != state.cards.roster:
        state = replace(state, cards=replace(state.cards, roster=found.roster))
        effects += weigh(state, len(state.cards.wanted))
    state, sent = listed(state, tag, found) if tag in state.cards.wanted else (state, [])
    if session is not None and found.digest.hex() == session.digest and found.decision.reason in TAKEN_AWAY:
        state, stopped = stop(state, Stop.DEAUTHORIZED)
        sent += stopped
    return state, effects + sent


def weigh(state: EvPostState, most: int) -> list[Effect]:
    """Have cards of the list weighed anew, the ones that were allowed longest ago first."""
    cards = ((tag, card_bytes(tag)) for tag in list(state.cards.wanted)[:most])
    return [Ask(card, f"list:{tag}") for tag, card in cards if card is not None]


def send_next(state: EvPostState) -> Step:
    """The next update of the list, if the post is here and there is one."""
    if state.here is None or not state.here.leads:
        return state, []
    state, order = numbered(state, "list")
    cards, update = local_list.update(state.cards, order)
    return replace(state, cards=cards), [] if update is None else [tell(update)]
