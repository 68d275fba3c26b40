"""The master's side of Modbus RTU, without I/O: what to send, and what the bytes that come back mean.

Frames and messages are pymodbus's; nothing else of it is used, and no other module knows it. The timing is ours. RTU
has no transaction numbers, so an answer that comes late looks like the answer to the next request: with both pymodbus
3.16 and minimalmodbus 2.1 it was taken for that. So one request is in flight at a time, and after a time-out the line
stays quiet for longer than any instrument may take; what comes meanwhile is dropped.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from msgspec import Struct
from pymodbus.framer.rtu import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU, ReadHoldingRegistersRequest
from pymodbus.pdu.register_message import (
    ReadInputRegistersRequest,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

GENERAL_ADDRESS = 0xF8
"""Every PZEM answers to it, with it (manual of the PZEM-004T v3): for a line with just one of them."""
LAST_ADDRESS = 0xF7
MAX_BUFFER = 256
"""The longest RTU frame. Of a line that babbles the newest bytes are kept."""
MAX_REQUESTS = 512
"""Frames that are remembered: of more requests than the buses of one device ask every second."""
BITS_PER_BYTE = 10
"""8N1: a start bit, eight bits, a stop bit."""
SILENCE_BYTES, LEAST_SILENCE_S = 4, 0.002
"""Between two frames: a little more than the 3.5 bytes, or 1.75 ms above 19200 baud, of Modbus over serial line V1.02.
"""

LATER_S = 0.25
"""How much later than it should an instrument may still begin an answer, which is then nobody's."""

Why = Literal["silent", "crc", "garbage", "wrong_unit", "wrong_length", "exception", "bus_lost"]
"""Why there is no answer: nothing came; it was damaged; it was no answer at all; another instrument spoke; it was of
another length or kind; the instrument refused; the line itself is gone."""


class Read(Struct, frozen=True):
    """A request to read ``count`` registers from ``first`` on: holding registers (function 3) or input registers
    (function 4)."""

    unit: int
    function: Literal[3, 4]
    first: int
    count: int


class Write(Struct, frozen=True):
    """A request to set one holding register. An adapter that echoes looks like success: read it back."""

    unit: int
    register: int
    value: int


class ResetEnergy(Struct, frozen=True):
    """A request to set the energy counter of a PZEM to zero."""

    unit: int


Request = Read | Write | ResetEnergy


class Registers(Struct, frozen=True):
    """What the registers held, or what was written to them."""

    values: tuple[int, ...] = ()


class Failure(Struct, frozen=True):
    """No answer: nothing is known. ``code`` is what an instrument gave as its reason to refuse."""

    why: Why
    code: int = 0


Outcome = Registers | Failure


class Timing(Struct, frozen=True):
    """How long things take on a line of ``baud`` bits a second.

    An instrument begins its answer within ``answer_s``: the usual libraries for the PZEM wait 0.1 s for the whole of
    it. None takes longer than ``worst_s``, so that long after a request without an answer the line stays quiet.
    """

    baud: int = 9600
    answer_s: float = 0.15
    worst_s: float = 0.15 + LATER_S

    def wire_s(self, count: int) -> float:
        """How long so many bytes take on the wire."""
        return count * BITS_PER_BYTE / self.baud

    @property
    def silence_s(self) -> float:
        """What parts two frames."""
        return max(self.wire_s(SILENCE_BYTES), LEAST_SILENCE_S)


class Master:
    """One line. Whoever drives it sends what ``ask`` returns, hands over what comes with ``heard``, and calls ``late``
    once ``answer_by_s`` is over. The next request may go at ``free_at_s``, which moves while bytes still come.

    ``strays`` counts the bytes that belonged to no request: an instrument that answers late, or two of one address.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.strays = 0
        self.answer_by_s = self.free_at_s = 0.0
        self._request: Request | None = None
        self._sent = b""
        self._buffer = b""
        self._quiet_until_s = 0.0

    def ask(self, request: Request, now_s: float) -> bytes:
        """The frame to send now. Raises ``ValueError`` for what no frame can say, ``RuntimeError`` out of turn."""
        if self._request is not None:
            raise RuntimeError("a request is in flight")
        if now_s < self.free_at_s:
            raise RuntimeError("the line is to be quiet")
        self._sent, self._buffer = encode(request), b""
        self._request = request
        # An answer has what is read, or is as long as the request, which it repeats.
        answer_length = 5 + 2 * request.count if isinstance(request, Read) else len(self._sent)
        travel_s = self.timing.wire_s(len(self._sent) + answer_length)
        self.answer_by_s = now_s + travel_s + self.timing.answer_s
        self._quiet_until_s = now_s + travel_s + self.timing.worst_s
        return self._sent

    def heard(self, data: bytes, now_s: float) -> Outcome | None:
        """Bytes have come. Returns how the request ended, if it now has."""
        if self._request is None:
            self.strays += len(data)
            self.free_at_s = max(self.free_at_s, now_s + self.timing.silence_s)
            return None
        self._buffer = (self._buffer + data)[-MAX_BUFFER:]
        outcome = _find(self._request, self._sent[1], self._buffer)
        if outcome is not None:
            self._request = None
            self.free_at_s = now_s + self.timing.silence_s
        return outcome

    def late(self) -> Failure | None:
        """The time is over. Returns how the request ended, if one was in flight."""
        if self._request is None:
            return None
        failure = Failure(_why(self._request, self._sent, self._buffer.removeprefix(self._sent)))
        self._request = None
        self.free_at_s = self._quiet_until_s
        return failure


class _ResetEnergyMessage(ModbusPDU):
    """The PZEM's own function: the same four bytes there and back."""

    function_code = 0x42
    rtu_frame_size = 4


_DECODER = DecodePDU(False)
_DECODER.register(_ResetEnergyMessage)
_FRAMER = FramerRTU(_DECODER)
_FUNCTIONS = frozenset({3, 4, WriteSingleRegisterRequest.function_code, _ResetEnergyMessage.function_code})


@lru_cache(MAX_REQUESTS)
def encode(request: Request) -> bytes:
    """The frame of a request; an instrument is asked the same few all its life. Raises ``ValueError`` for what no frame
    can say."""
    if not (1 <= request.unit <= LAST_ADDRESS or request.unit == GENERAL_ADDRESS):
        raise ValueError(f"an instrument has an address from 1 to {LAST_ADDRESS}, not {request.unit}")
    return _FRAMER.buildFrame(_message(request))


def _message(request: Request) -> ModbusPDU:
    match request:
        case Read(unit, 3, first, count):
            return ReadHoldingRegistersRequest(dev_id=unit, address=first, count=count)
        case Read(unit, _, first, count):
            return ReadInputRegistersRequest(dev_id=unit, address=first, count=count)
        case Write(unit, register, value):
            if not 0 <= value <= 0xFFFF:
                raise ValueError(f"a register holds 0 to {0xFFFF}, not {value}")
            return WriteSingleRegisterRequest(dev_id=unit, address=register, registers=[value])
        case ResetEnergy(unit):
            return _ResetEnergyMessage(dev_id=unit)


def _frames(buffer: bytes) -> Iterator[tuple[int, bytes]]:
    """The unit and the message of every whole frame, from wherever noise lets one begin: a driver that turns the line
    round often leaves a byte in front."""
    for start in range(len(buffer) - FramerRTU.MIN_SIZE + 1):
        if buffer[start + 1] & 0x7F not in _FUNCTIONS:
            continue
        _, unit, _, message = _FRAMER.decode(buffer[start:])
        if message:
            yield unit, message


def _find(request: Request, function: int, buffer: bytes) -> Outcome | None:
    """The answer in what has come so far."""
    for unit, message in _frames(buffer):
        if not _speaks_for(unit, request):
            continue
        if message[0] == function | 0x80:
            return Failure("exception", message[1])
        if message[0] == function and (answer := _answer(request, message)):
            return answer
    return None


def _answer(request: Request, message: bytes) -> Registers | None:
    """The message as an answer to this request, if it is one in every respect."""
    if isinstance(request, Read):
        if len(message) != 2 + 2 * request.count:
            return None
        return Registers(struct.unpack_from(f">{request.count}H", message, 2))
    match request, _DECODER.decode(message):
        case Write(_, register, value), WriteSingleRegisterResponse(address=address, registers=[written]):
            return Registers((written,)) if (address, written) == (register, value) else None
        case ResetEnergy(), _ResetEnergyMessage():
            return Registers()
    return None


def _speaks_for(unit: int, request: Request) -> bool:
    return unit == request.unit or request.unit == GENERAL_ADDRESS


def _why(request: Request, sent: bytes, buffer: bytes) -> Why:
    """What was wrong with everything that came, which held no answer."""
    if not buffer:
        return "silent"
    units = [unit for unit, _ in _frames(buffer)]
    if units:
        return "wrong_length" if any(_speaks_for(unit, request) for unit in units) else "wrong_unit"
    return "crc" if sent[:2] in buffer else "garbage"
