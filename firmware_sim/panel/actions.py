"""What the buttons of the panel do, and how the panel says what came of it."""

import json
from collections.abc import Sequence
from typing import Any

from firmware_sim.control.control import BoardControl
from firmware_sim.panel.words import say
from firmware_sim.panel.world import Card, PanelDevice, Part
from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.parts.hardware import ControlError

LAMPS = (".green", ".red")
UID = "UID4:"
OUTCOMES = {
    "tap_and_walk": ("{who} walked through.", "{who} stayed outside."),
    "tap": ("{who} was read.", ""),
    "scan": ("It was scanned.", "It was scanned; nobody walked through."),
    "tap_post": ("{who} was read.", "{who} was refused by the post."),
    "walk": ("Somebody walked through: the way was free.", "The way was locked."),
}
"""What is said of a command that did what it should, and of one that did not."""


def command_of(
    order: str,
    card: str,
    thing: str = "",
    *,
    pin: str = "",
    text: str = "",
    walks: bool = False,
    language: str = "en",
) -> dict[str, object]:
    """The command of a button. ``{card}`` stands for the card in the person's hand, who keys its ``pin`` behind it and
    only taps it where they could walk through unless `walks`; ``{text}`` for what they hold before a scanner,
    ``{code}`` for the same keyed, and ``{thing}`` for what there is to plug in. Raises `ControlError`."""
    values = {
        "{card}": card,
        "{text}": text,
        "{code}": f"{text}#",
        "{thing}": thing if thing in APPLIANCES else "nothing",
    }
    try:
        fields: dict[str, object] = dict(json.loads(order))
    except (TypeError, ValueError) as wrong:
        raise ControlError(f"not an order: {wrong}") from None
    command = {name: values.get(str(value), value) for name, value in fields.items()}
    if command.get("do") == "tap_and_walk" and not walks:
        command["do"] = "tap"
    if command.get("do") == "key" and not text.isdecimal():
        raise ControlError(say("Choose or type a code of digits first.", language))
    if command.get("do") == "scan":
        command["walk"] = walks
    if command.get("do") in ("tap", "tap_and_walk") and pin:
        command["pin"] = pin
    if command.get("do") == "tap_post":
        command["tag"] = _tag(card, language)
    return command


async def carry_out(
    cards: Sequence[Card], control: BoardControl, command: dict[str, object], card: str, language: str
) -> str:
    """Do it and say what happened. Raises `ControlError` or `BoardGone`."""
    answer = await control.ask(command)
    done, not_done = OUTCOMES.get(str(command["do"]), ("Done.", ""))
    outcome = done if answer.get("passed", answer.get("taken", True)) else not_done
    is_timed = command["do"] == "tap_and_walk" and "pin" not in command
    speed = await _speed(control, answer, language) if is_timed else ""
    return say(outcome, language, who=_holder(cards, card, language)) + speed


async def pull_or_plug(device: PanelDevice, part: Part, *, plugged_in: bool) -> None:
    """Pull the cable or the plug of a process, or put it back. What is so already stays so."""
    plug = device.plugs[part]
    if plug.is_in() is not plugged_in:
        await (plug.put_back if plugged_in else plug.pull)()


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
        raise ControlError(say("A post reads charging cards only; choose one first.", language))
    return f"{int(number):08X}"


def _holder(cards: Sequence[Card], bits: str, language: str) -> str:
    labels = (card.label.in_language(language) for card in cards if card.card == bits)
    return next(labels, say("Card", language))
