"""Commands of operators, as a device takes them."""

from contract.commands import SessionStartArgs, SessionStopArgs
from edge.archetypes.protocol import CommandReceived, Report

OPENS = CommandReceived("open_once", {"id": "00", "op": "open_once", "by": "lin", "reason": "a visitor"})


def stops(report: Report, number: str = "c1") -> CommandReceived:
    """The order to end what runs at a point."""
    return stops_session(str(report.live.get("session", "")), number)


def stops_session(session: str, number: str = "c1") -> CommandReceived:
    told = {"id": number, "op": "session_stop", "by": "lin", "reason": "The rider called"}
    return CommandReceived("session_stop", told, SessionStopArgs(session))


def starts(digest: bytes, number: str = "c1") -> CommandReceived:
    """The order to begin a session for the holder of a credential."""
    told = {"id": number, "op": "session_start", "by": "lin", "reason": "The rider called"}
    return CommandReceived("session_start", told, SessionStartArgs(digest.hex()))
