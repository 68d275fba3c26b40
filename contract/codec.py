"""Bytes to messages and back: bulk as msgpack, what a person may want to read as JSON, and a seal beside it."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar

import msgspec

from contract.messages import MAX_PAYLOAD_BYTES

M = TypeVar("M", bound=msgspec.Struct)

SCHEMA_VERSION = 1

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the message they should be."""


class Malformed(ValueError):
    """The peer sent something that is no message of this contract. The text says what is wrong with it, ``why`` is the
    word for it."""

    why = "malformed"


def pack(message: msgspec.Struct) -> bytes:
    """A message as msgpack."""
    return msgspec.msgpack.encode(message)


def unpack(payload: bytes, kind: type[M]) -> M:
    """A msgpack message of the given kind. Raises ``Malformed``."""
    return _decoded(payload, kind, msgspec.msgpack.decode)


def write(message: msgspec.Struct) -> bytes:
    """A message as one line of JSON."""
    return msgspec.json.encode(message)


def read(payload: bytes, kind: type[M]) -> M:
    """A JSON message of the given kind. Raises ``Malformed``."""
    return _decoded(payload, kind, msgspec.json.decode)


def attach(body: bytes, seal: bytes) -> bytes:
    """A sealed document: the JSON line, and its seal in base64 on the line after it."""
    return body + b"\n" + base64.b64encode(seal)


def detach(payload: bytes) -> tuple[bytes, bytes]:
    """The body and the seal of a sealed document. The body is not yet to be believed. Raises ``Malformed``."""
    _check_size(payload)
    body, newline, seal = payload.rpartition(b"\n")
    if not newline:
        raise Malformed("no seal after the document")
    try:
        return body, base64.b64decode(seal, validate=True)
    except binascii.Error:
        raise Malformed("the seal is not base64") from None


def _check_size(payload: bytes) -> None:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise Malformed(f"{len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")


def _decoded(payload: bytes, kind: type[M], decode: Callable[..., M]) -> M:
    _check_size(payload)
    try:
        message = decode(payload, type=kind)
    except UNREADABLE as wrong:
        raise Malformed(f"{kind.__name__}: {wrong}") from None
    version = getattr(message, "version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise Malformed(f"{kind.__name__}: schema version {version}, this side speaks {SCHEMA_VERSION}")
    return message
