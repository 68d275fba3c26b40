"""What every Modbus RTU slave does: frames with a CRC, functions, refusals; and the ways in which cheap ones fail.

Written from the public protocol alone and sharing no code with the driver, whose other end it is.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Generic, NamedTuple, TypeVar

BROADCAST = 0
MAX_REGISTERS = 125
SPREAD_MS = 5.0

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_SEVERAL = 3, 4, 6, 16

Reading = TypeVar("Reading")
Handler = Callable[[bytes], bytes]
"""From what stands between function and CRC of a request to the same of its answer. Raises `Refused`."""


class Refused(Exception):
    """The slave answers with one of the protocol's exception codes."""

    def __init__(self, code: int) -> None:
        self.code = code


def require(valid: bool, code: int) -> None:
    """Raise `Refused` for a request that is not valid."""
    if not valid:
        raise Refused(code)


class Reply(NamedTuple):
    """A frame, and how long after the request it begins."""

    frame: bytes
    after_s: float


def _shifted(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


CRC_OF_BYTE = [_shifted(byte) for byte in range(256)]


def crc16(data: bytes) -> int:
    """Modbus's own: polynomial 0xA001, from 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_OF_BYTE[(crc ^ byte) & 0xFF]
    return crc


def sealed(body: bytes) -> bytes:
    """A frame with its CRC, the low byte first."""
    return body + crc16(body).to_bytes(2, "little")


def is_sealed(frame: bytes) -> bool:
    return len(frame) >= 4 and sealed(frame[:-2]) == frame


def words(data: bytes) -> list[int]:
    """Big-endian 16-bit registers."""
    return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]


def read_registers(body: bytes, registers: Mapping[int, int]) -> bytes:
    """The answer to a read of registers that are known by number; any other is refused, as is a malformed request."""
    require(len(body) == 4, ILLEGAL_VALUE)
    first, count = words(body)
    require(1 <= count <= MAX_REGISTERS, ILLEGAL_VALUE)
    try:
        values = [registers[number] for number in range(first, first + count)]
    except KeyError:
        raise Refused(ILLEGAL_ADDRESS) from None
    return struct.pack(f">B{count}H", 2 * count, *values)


class Slave(ABC, Generic[Reading]):
    """An instrument on a bus. It is silent without its supply.

    Its faults may be set at any time: `muted`, `bad_crc`, `late_s` more than its usual delay; frozen, it goes on saying
    what it measured then. `address` may be shared with others, as with new instruments, until it is changed.
    """

    REPLY_MS: float
    ADDRESSES = range(1, 248)
    ANY: Sequence[int] = ()
    """Addresses that every instrument of this make answers to."""

    def __init__(self, address: int, *, name: str, powered: Callable[[], bool]) -> None:
        if address not in self.ADDRESSES:
            raise ValueError(f"{name}: an address is {self.ADDRESSES[0]} to {self.ADDRESSES[-1]}, not {address}")
        self.address = address
        self.muted = False
        self.bad_crc = False
        self.late_s = 0.0
        self._powered = powered
        self._frozen_at: Reading | None = None
        # No two answer after quite the same time: those that share an address garble each other.
        self._reply_s = (self.REPLY_MS + Random(name).uniform(0, SPREAD_MS)) / 1000

    @property
    @abstractmethod
    def functions(self) -> Mapping[int, Handler]:
        """What it can be asked, by function code."""

    @abstractmethod
    def measure(self) -> Reading:
        """What it would say now if it were not frozen."""

    @property
    def reading(self) -> Reading:
        """What it says now."""
        return self.measure() if self._frozen_at is None else self._frozen_at

    def freeze(self, frozen: bool = True) -> None:
        """Go on saying what it says now, or measure again."""
        self._frozen_at = self.reading if frozen else None

    def is_addressed(self, address: int) -> bool:
        """Whether a frame to that address is for this slave."""
        return address in (BROADCAST, self.address) or address in self.ANY

    def hear(self, frame: bytes) -> Reply | None:
        """A frame was on the wire. None if it is not for this slave, is broken, or wants no answer."""
        is_ours = frame != b"" and self.is_addressed(frame[0])
        if not is_ours or self.muted or not self._powered() or not is_sealed(frame):
            return None
        address, function, body = frame[0], frame[1], frame[2:-2]
        answer = self._answer(function, body)
        if address == BROADCAST:
            return None
        reply = sealed(bytes([address]) + answer)
        if self.bad_crc:
            reply = reply[:-1] + bytes([reply[-1] ^ 0x40])
        return Reply(reply, self._reply_s + self.late_s)

    def view(self) -> dict[str, object]:
        return {
            "kind": type(self).__name__.lower(),
            "address": self.address,
            "powered": self._powered(),
            "muted": self.muted,
            "frozen": self._frozen_at is not None,
            "bad_crc": self.bad_crc,
            "late_ms": round(self.late_s * 1000),
        }

    def _answer(self, function: int, body: bytes) -> bytes:
        try:
            require(function in self.functions, ILLEGAL_FUNCTION)
            return bytes([function]) + self.functions[function](body)
        except Refused as refused:
            return bytes([function | 0x80, refused.code])
