"""A stream that only who knows the passphrase reads, and that nobody changes or cuts without its being noticed.

It begins with a line of JSON that says how the key is made of the passphrase (Argon2id). Then come pieces of one size,
each encrypted with AES-256-GCM under its number, the last of them marked: a piece that is missing, doubled or in
another place is none, and neither is an end before the last (the STREAM construction, IACR ePrint 2015/189).
"""

import os
from io import BufferedIOBase, RawIOBase
from typing import Annotated, BinaryIO, Literal

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct, json

from contract.codec import UNREADABLE

PIECE_BYTES = 1 << 20
Mark = Literal["hearthgate-backup-1"]
MARK: Mark = "hearthgate-backup-1"
MAX_HEAD_BYTES = 1_024
_TAG_BYTES, _NUMBER_BYTES, _KEY_BYTES = 16, 11, 32


class BadStream(Exception):
    """The file is no backup, is not whole, or the passphrase is another. The text says what to do."""


WRONG = "the passphrase is wrong, or the file is not as it was written"
CUT = "the file ends before its end: fetch it once more"
NO_BACKUP = "this is no backup of a community"


class StreamHead(Struct, frozen=True):
    """How the key is made: its bounds keep a stranger's file from taking all memory, or an hour."""

    mark: Mark
    salt: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    memory_kib: Annotated[int, Meta(ge=8, le=1 << 18)] = 1 << 16
    rounds: Annotated[int, Meta(ge=1, le=10)] = 3
    lanes: Annotated[int, Meta(ge=1, le=8)] = 4

    def key(self, passphrase: str) -> bytes:
        cost = self.rounds, self.memory_kib, self.lanes
        try:
            return hash_secret_raw(passphrase.encode(), bytes.fromhex(self.salt), *cost, _KEY_BYTES, Type.ID)
        except HashingError:
            raise BadStream(NO_BACKUP) from None


def new_head() -> StreamHead:
    return StreamHead(MARK, os.urandom(16).hex())


class SealingWriter(RawIOBase):
    """Encrypts what is written to it. Only ``finish`` writes the last piece: without it the file is cut."""

    def __init__(self, out: BinaryIO, passphrase: str) -> None:
        head = new_head()
        self._out, self._head = out, json.encode(head) + b"\n"
        self._cipher, self._number, self._held = AESGCM(head.key(passphrase)), 0, bytearray()
        out.write(self._head)

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        taken = memoryview(data)  # type: ignore[arg-type]  # whatever has bytes, as every writer takes it
        self._held += taken
        while len(self._held) > PIECE_BYTES:
            self._write_piece(bytes(self._held[:PIECE_BYTES]), is_last=False)
            del self._held[:PIECE_BYTES]
        return taken.nbytes

    def finish(self) -> None:
        """All was written. Whoever is interrupted before leaves a file that is refused."""
        self._write_piece(bytes(self._held), is_last=True)
        self._held.clear()

    def _write_piece(self, piece: bytes, *, is_last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, is_last=is_last), piece, self._head))
        self._number += 1


class UnsealingReader(RawIOBase):
    """Gives back what was written, piece by piece. Raises ``BadStream``, at the first piece for a wrong passphrase."""

    def __init__(self, source: BufferedIOBase, passphrase: str) -> None:
        self._source, self._head = source, source.readline(MAX_HEAD_BYTES)
        try:
            head = json.decode(self._head, type=StreamHead)
        except UNREADABLE:
            raise BadStream(NO_BACKUP) from None
        self._cipher, self._number, self._held = AESGCM(head.key(passphrase)), 0, b""
        self._next = self._source.read(PIECE_BYTES + _TAG_BYTES)
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        wanted = memoryview(buffer)  # type: ignore[arg-type]  # whatever takes bytes, as every reader fills it
        while not self._held and not self._is_over:
            self._held = self._read_piece()
        given = self._held[: len(wanted)]
        wanted[: len(given)] = given
        self._held = self._held[len(given) :]
        return len(given)

    def _read_piece(self) -> bytes:
        sealed, self._next = self._next, self._source.read(PIECE_BYTES + _TAG_BYTES)
        self._is_over = not self._next
        if len(sealed) < _TAG_BYTES:
            raise BadStream(CUT)
        try:
            piece = self._cipher.decrypt(_nonce(self._number, is_last=self._is_over), sealed, self._head)
        except InvalidTag:
            raise BadStream(CUT if self._is_over and self._number else WRONG) from None
        self._number += 1
        return piece


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(_NUMBER_BYTES, "big") + bytes([is_last])
