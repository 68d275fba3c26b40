"""What a charging post is told when it connects: that it is to stop, whom it may serve, and how it is set up."""

from msgspec.structs import replace

from edge.archetypes.protocol import BARRING, Effect, Wake
from edge.archetypes.session import MINUTE_MS
from edge.stations.ev_post.ends import stop_again
from edge.stations.ev_post.messages import AskListVersion, Configure, SayAgain, SetOperative, Wish
from edge.stations.ev_post.state import EvPostSettings, EvPostState, Step, numbered, tell

WEIGH_AGAIN_MS = 15 * MINUTE_MS


def greet(state: EvPostState) -> Step:
    """Tell the post what holds here, and hear how it stands: what was said before it left may be no longer so."""
    if state.here is None:
        return state, []
    state, effects = say_what_holds(replace(state, greeted=True))
    effects += [Wake("greet", None), tell(SayAgain("status"))]
    if state.book.live is not None:
        effects.append(tell(SayAgain("meter")))
    if state.here is not None and state.here.leads:
        effects += [tell(Configure(_wishes(state.settings))), tell(AskListVersion()), Wake("weigh", WEIGH_AGAIN_MS)]
    return state, effects


def say_what_holds(state: EvPostState) -> Step:
    """What the post must know before all else: that it is to stop, and whether it may serve anybody."""
    effects: list[Effect] = []
    if state.phase == "stopping":
        state, effects = stop_again(state)
    state, available = order_availability(state)
    return state, [*effects, *available]


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


def is_barred(state: EvPostState) -> bool:
    """Whether nobody may be served, whatever card they hold."""
    return bool(state.emergency) or state.mode in BARRING


def order_availability(state: EvPostState) -> Step:
    """Tell the post whether it may serve anybody."""
    if state.here is None:
        return state, []
    operative = not is_barred(state)
    state, order = numbered(state, "operative")
    return replace(state, availability=order), [tell(SetOperative(order, operative))]
