"""What devices answer to orders: results of commands, and reports of what is in force. Each is believed by its seal."""

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection

from cloud.commands.store import note_reported, settle
from cloud.devices.quarantine import Refused
from cloud.devices.streams import Device
from cloud.store.schema import MAX_INTEGER
from contract import codec
from contract.codec import Malformed
from contract.events import Event
from contract.messages import MAX_LOG_LINES, Reported, Result
from contract.sealing import BadSeal, Purpose, unseal

MAX_ANSWER_BYTES = 64 * 1024
MAX_LINE_CHARACTERS = 1_000

TELLING: Mapping[str, Literal["done", "refused", "failed", "unknown"]] = {
    "command.done": "done",
    "command.refused": "refused",
    "command.failed": "failed",
    "command.unknown": "unknown",
}
"""Events that tell how a command ended, whose result may have been lost on the way."""


class Answers:
    """Takes answers in, within one transaction."""

    def __init__(self, connection: Connection, site: str) -> None:
        self._connection, self._site = connection, site

    def result(self, device: Device, payload: bytes) -> None:
        """How a command ended. Raises ``Refused`` or ``Malformed``."""
        result = codec.read(self._opened(device, payload, Purpose.RESULT), Result)
        _check_number(result.at_ms)
        shown = Result(result.id, result.outcome, result.at_ms, result.why[:80], _lines(result.data))
        if not settle(self._connection, device.name, shown):
            raise Refused("unknown_command", f"no command {result.id} was given to this device")

    def reported(self, device: Device, payload: bytes) -> None:
        """What is in force. Raises ``Refused`` or ``Malformed``."""
        reported = codec.read(self._opened(device, payload, Purpose.REPORTED), Reported)
        _check_number(reported.number)
        _check_number(reported.at_ms)
        note_reported(self._connection, device.name, reported)

    def recorded(self, device: Device, event: Event) -> None:
        """One of the events that tell of a command."""
        command, why = event.data.get("id"), event.data.get("why", "")
        if isinstance(command, str):
            settle(self._connection, device.name, Result(command, TELLING[event.kind], event.at_ms, str(why)[:80]))

    def _opened(self, device: Device, payload: bytes, purpose: Purpose) -> bytes:
        if len(payload) > MAX_ANSWER_BYTES:
            raise Malformed(f"{len(payload)} bytes, more than {MAX_ANSWER_BYTES}")
        try:
            return unseal(device.verifier.accepts, purpose, self._site, device.name, payload)
        except BadSeal:
            raise Refused("bad_seal", "the seal is not this device's") from None


def _lines(data: dict[str, Any]) -> dict[str, Any]:
    """The lines of a log, the only thing that is asked for so far."""
    lines = data.get("lines")
    if not isinstance(lines, list):
        return {}
    return {"lines": [str(line)[:MAX_LINE_CHARACTERS] for line in lines[:MAX_LOG_LINES]]}


def _check_number(number: int) -> None:
    if not 0 <= number <= MAX_INTEGER:
        raise Malformed("a number that no table can hold")
