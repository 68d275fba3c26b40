"""What a person at the panel does, and how the panel says what came of it."""

from typing import Any, Literal

from firmware_sim.control.commands import Tap, TapAndWalk, read_command
from firmware_sim.control.control import BoardControl
from firmware_sim.panel.words import say
from firmware_sim.panel.world import PanelDevice, PanelWorld
from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.parts.command import Command, ControlError
from firmware_sim.parts.ev_post import TapPost
from firmware_sim.parts.portal import Walk

Part = Literal["cable", "agent", "keeper"]

LAMPS = (".green", ".red")


UID = "UID4:"


def order_of(text: str, card: str, thing: str = "", *, walks: bool, language: str = "en") -> Command:
    """The order of a button. ``{card}`` stands for the card in the person's hand, who walks through after tapping it
    if `walks` and there is a way, and ``{thing}`` for what there is to plug in. Raises `ControlError`."""
    order = read_command(text.replace("{thing}", thing if thing in APPLIANCES else "nothing").encode())
    if isinstance(order, TapPost):
        return TapPost(order.point, _tag(card, language))
    if not isinstance(order, Tap) or order.card != "{card}":
        return order
    if order.keys is not None:
        return Tap(order.reader, card, order.keys)
    return TapAndWalk(order.reader, card) if walks else Tap(order.reader, card)


async def carry_out(world: PanelWorld, control: BoardControl, order: Command, language: str) -> str:
    """Do it and say what happened. Raises `ControlError` or `BoardGone`."""
    answer = await control.ask(order)
    match order:
        case TapAndWalk(card=card):
            said = "{who} walked through." if answer["passed"] else "{who} stayed outside."
            who = say(said, language, who=_holder(world, card, language))
            return who + await _speed(control, answer, language)
        case Tap(card=card):
            return say("{who} was read.", language, who=_holder(world, card, language))
        case TapPost():
            said = "{who} was read." if answer["taken"] else "{who} was refused by the post."
            return say(said, language, who=_holder(world, f"{UID}{int(order.tag, 16)}", language))
        case Walk():
            return say(
                "Somebody walked through: the way was free." if answer["passed"] else "The way was barred.", language
            )
        case _:
            return say("Done.", language)


async def pull_or_plug(device: PanelDevice, part: Part, *, plugged_in: bool) -> None:
    """Pull the cable or the plug of a process, or put it back. What is so already stays so."""
    match part, plugged_in:
        case "cable", False:
            await device.cut()
        case "cable", True:
            await device.restore()
        case "agent", False if device.agent_running:
            await device.kill_agent()
        case "agent", True if not device.agent_running:
            await device.start_agent()
        case "keeper", False if device.keeper_running:
            await device.kill_keeper()
        case "keeper", True if not device.keeper_running:
            await device.start_keeper()


async def _speed(control: BoardControl, tapped: dict[str, Any], language: str) -> str:
    """How long the lock took to move after the card's last bit. Who walks through though it did not move goes through
    what somebody else has unlocked: one of the demo's people, an operator, an emergency."""
    if tapped["first_ns"] is None:
        return ""
    for move in await control.moves(tapped["last_ns"]):
        if move.cause == "host" and move.level and not move.name.endswith(LAMPS):
            ms = (move.at_ns - tapped["last_ns"]) / 1e6
            return " " + say("Unlocked {ms} ms after the card's last bit.", language, ms=f"{ms:.1f}")
    return " " + say("It was unlocked before this tap.", language) if tapped["passed"] else ""


def _tag(card: str, language: str) -> str:
    """What a charging post reads of a card: the digits of its number. Raises `ControlError`."""
    number = card.removeprefix(UID)
    if not card.startswith(UID) or not number.isdecimal():
        raise ControlError(say("A post reads charging cards only; take one into your hand.", language))
    return f"{int(number):08X}"


def _holder(world: PanelWorld, bits: str, language: str) -> str:
    named = (card.label.in_language(language) for card in world.cards if card.card == bits)
    return next(named, say("Card", language))
