"""What a text means that a scanner has read. Pure."""

from typing import Literal, NamedTuple

from contract.credentials import TOKEN_MARK, plate_credential, read_token, token_credential


class Scan(NamedTuple):
    """A credential that a scanner has read: its kind and its canonical bytes."""

    kind: Literal["plate", "token"]
    credential: bytes


def read_scan(text: str, *, plates: bool) -> Scan | None:
    """The credential in a text; a plate only where ``plates`` are read, and None for what is nothing of ours. A token
    is never taken for a plate: it is too long for one."""
    text = in_capitals(text)
    try:
        if text.startswith(TOKEN_MARK):
            return Scan("token", token_credential(read_token(text)))
        return Scan("plate", plate_credential(text)) if plates else None
    except ValueError:
        return None


def in_capitals(text: str) -> str:
    """A text in lower case throughout comes from a scanner whose caps lock is turned round. One with both is as it is:
    nobody can tell which keys were meant."""
    return text.upper() if text.islower() else text
