"""What devices answer to orders: results of commands, and reports of what is in force."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection

from cloud.commands.store import note_reported, settle
from cloud.devices.presence import check_numbers
from cloud.devices.quarantine import Refused
from cloud.devices.reactions import ChannelReaction, Reaction, Recorded
from contract import codec
from contract.events import Event
from contract.messages import MAX_LOG_LINES, Reported, Result
from contract.sealing import Purpose

MAX_LINE_CHARACTERS = 1_000
MAX_WHY_CHARACTERS = 80
MAX_CARD_CHARACTERS = 400
"""Of an envelope in hex: the longest card takes 256."""

OUTCOMES: Mapping[str, Literal["done", "refused", "failed", "unknown"]] = {
    "command.done": "done",
    "command.refused": "refused",
    "command.failed": "failed",
    "command.unknown": "unknown",
}
"""Events that tell how a command ended, whose result may have been lost on the way."""


def note_result(connection: Connection, device: str, body: bytes) -> None:
    """How a command ended. Raises ``Refused`` or ``Malformed``."""
    result = codec.read(body, Result)
    check_numbers(result.at_ms)
    shown = Result(result.id, result.outcome, result.at_ms, result.why[:MAX_WHY_CHARACTERS], _known(result.data))
    if not settle(connection, device, shown):
        raise Refused("unknown_command", f"no command {result.id} was given to this device")


def note_report(connection: Connection, device: str, body: bytes) -> None:
    """What is in force. Raises ``Malformed``."""
    reported = codec.read(body, Reported)
    check_numbers(reported.number, reported.at_ms)
    note_reported(connection, device, reported)


def result_in(event: Event) -> Result | None:
    """The result that an event tells of; None if it names no command."""
    command, why = event.data.get("id"), event.data.get("why", "")
    if not isinstance(command, str):
        return None
    return Result(command, OUTCOMES[event.kind], event.at_ms, str(why)[:MAX_WHY_CHARACTERS])


def note_outcomes(connection: Connection, recorded: Sequence[Recorded], _now_ms: int) -> None:
    """Settle commands by events. A result that came with the event has done so already, and says more."""
    for device, event, _ in recorded:
        result = result_in(event)
        if result is not None:
            settle(connection, device.name, result)


RESULTS = ChannelReaction("result", Purpose.RESULT, note_result)
REPORTS = ChannelReaction("reported", Purpose.REPORTED, note_report)
COMMAND_OUTCOMES = Reaction(frozenset(OUTCOMES), note_outcomes)


def _known(data: dict[str, Any]) -> dict[str, Any]:
    """What is asked for: the lines of a log, or an enrolled card in its envelope."""
    lines, card = data.get("lines"), data.get("card")
    known: dict[str, Any] = {}
    if isinstance(lines, list):
        known["lines"] = [str(line)[:MAX_LINE_CHARACTERS] for line in lines[:MAX_LOG_LINES]]
    if isinstance(card, str) and len(card) <= MAX_CARD_CHARACTERS:
        known["card"] = card
    return known
