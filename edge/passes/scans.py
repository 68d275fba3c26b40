"""What a text means that a scanner has read. Pure."""

from typing import Literal, NamedTuple

from contract.credentials import phone_credential, plate_credential, token_credential
from contract.pass_verdicts import PassVerdict
from contract.passes import CarriedProof, ShortPass, Token, read_pass

Shown = ShortPass | CarriedProof | Literal[PassVerdict.MALFORMED]
"""A signed pass that is yet to be verified, or what only begins as one."""


class Scan(NamedTuple):
    """What a scanner has read: the kind of credential, its canonical bytes (empty for a carried pass, which names
    itself), and the pass if it is one."""

    kind: Literal["pass", "phone", "plate", "token"]
    credential: bytes
    shown: Shown | None = None


def read_scan(text: str, *, plates: bool) -> Scan | None:
    """The credential in a text; a plate only where ``plates`` are read, and None for what is nothing of ours."""
    match read_pass(in_capitals(text)):
        case Token(token):
            return Scan("token", token_credential(token))
        case ShortPass() as short:
            return Scan("phone", phone_credential(short.key_id), short)
        case CarriedProof() as proof:
            return Scan("pass", b"", proof)
        case PassVerdict():
            return Scan("pass", b"", PassVerdict.MALFORMED)
        case None:
            return _read_plate(text) if plates else None


def in_capitals(text: str) -> str:
    """A text in lower case throughout comes from a scanner whose caps lock is turned round. One with both is as it is:
    nobody can tell which keys were meant."""
    return text.upper() if text.islower() else text


def _read_plate(text: str) -> Scan | None:
    try:
        return Scan("plate", plate_credential(text))
    except ValueError:
        return None
