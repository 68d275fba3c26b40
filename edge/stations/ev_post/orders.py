"""What a charging post is told: to stop, whom it may serve, how it is set up, and which cards its list holds. Pure."""

from msgspec.structs import replace

from contract.reasons import Reason
from contract.sessions import Stop
from edge.archetypes.protocol import Ask, Decided, Wake
from edge.archetypes.session import MINUTE_MS
from edge.stations.ev_post import local_list
from edge.stations.ev_post.messages import (
    AskListVersion,
    Configure,
    SayAgain,
    SetOperative,
    Version,
    Wish,
    card_bytes,
)
from edge.stations.ev_post.state import OF_STATION, EvPostSettings, EvPostState, EvPostStep, to_post

WEIGH_AGAIN_MS = 15 * MINUTE_MS
LONGEST_TAG: dict[Version, int] = {"1.6": 20, "2.0.1": 36}
"""A card that a post names by more than its lists can hold would spoil each list that it stands on."""
TAKEN_AWAY = frozenset({Reason.SUSPENDED, Reason.REPORTED_LOST})
"""What ends the session of a card that is weighed anew."""


def greet(post: EvPostStep) -> None:
    """Tell the post what holds here, and hear how it stands: what was said before it left may be no longer so."""
    here, settings = post.state.here, post.state.settings
    if here is None:
        return
    post.do(greeted=True)
    say_what_holds(post)
    again = [SayAgain("status"), *([] if post.state.book.live is None else [SayAgain("meter")])]
    post.do(Wake("greet", None), *map(to_post, again))
    if here.leads:
        post.do(to_post(Configure(_wishes(settings))), to_post(AskListVersion()), Wake("weigh", WEIGH_AGAIN_MS))


def say_what_holds(post: EvPostStep) -> None:
    """What the post must know before all else: that it is to stop, and whether it may serve anybody."""
    if post.state.phase == "stopping":
        post.stop_again()
    order_availability(post)


def _wishes(settings: EvPostSettings) -> dict[Wish, str]:
    """How a post is set up: it asks for every card, and alone it serves whom its list names and nobody else."""
    return {
        "heartbeat_s": "60",
        "ping_s": "20",
        "meter_s": str(settings.meter_s),
        "measurands": "Energy.Active.Import.Register,Power.Active.Import",
        "begin_measurands": "Energy.Active.Import.Register",
        "end_measurands": "Energy.Active.Import.Register",
        "plug_in_within_s": str(settings.plug_in_within_s),
        "local_list": "true",
        "offline_by_list": "true",
        "list_before_asking": "false",
        "offline_for_strangers": "false",
        "stop_strangers": "true",
        "ask_for_remote": "false",
        "attempts": "5",
        "retry_s": "30",
    }


def order_availability(post: EvPostStep) -> None:
    """Tell the post whether it may serve anybody."""
    if post.state.here is not None:
        order = post.number("operative")
        post.do(to_post(SetOperative(order, not post.state.is_barred)), availability=order)


# Its list of cards


def list_card(post: EvPostStep, tag: str, outcome: Decided) -> None:
    """A card that was weighed here goes on the list as the post writes it, or leaves it."""
    here, cards = post.state.here, post.state.cards
    if card_bytes(tag) is None or here is None or not here.leads or len(tag) > LONGEST_TAG[here.version]:
        return
    reason, grant = outcome.decision.reason, outcome.decision.grant
    if outcome.decision.allowed and grant is not None:
        post.do(cards=local_list.allowed(cards, tag.upper(), grant.valid_until_ms))
    elif reason not in OF_STATION or tag.upper() not in cards.wanted:
        post.do(cards=local_list.refused(cards, tag.upper()))
    send_next_update(post)


def weigh_listed(post: EvPostStep, outcome: Decided) -> None:
    """A card of the list; with the first of them a new roster is noticed, and then all of them are weighed."""
    tag, session = outcome.about.removeprefix("list:"), post.state.session
    if outcome.roster != post.state.cards.roster:
        post.do(*asks(post.state), cards=replace(post.state.cards, roster=outcome.roster))
    if tag in post.state.cards.wanted:
        list_card(post, tag, outcome)
    if session is not None and outcome.digest.hex() == session.digest and outcome.decision.reason in TAKEN_AWAY:
        post.stop(Stop.DEAUTHORIZED)


def asks(state: EvPostState, most: int | None = None) -> list[Ask]:
    """Have cards of the list weighed anew, the ones that were allowed longest ago first."""
    cards = ((tag, card_bytes(tag)) for tag in list(state.cards.wanted)[:most])
    return [Ask(card, f"list:{tag}") for tag, card in cards if card is not None]


def send_next_update(post: EvPostStep) -> None:
    """The next update of the list, if the post is here and there is one."""
    if post.state.here is not None and post.state.here.leads:
        cards, update = local_list.update(post.state.cards, post.number("list"))
        post.do(*([] if update is None else [to_post(update)]), cards=cards)
