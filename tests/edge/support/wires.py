"""A line with instruments in memory, for tests in virtual time: RTU frames made here, checksum and all."""

import struct
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from itertools import zip_longest

PZEM = [2301, 5217, 0, 11_880, 0, 4321, 0, 500, 99, 0]
"""What a PZEM says of 230.1 V, 5.217 A, 1188 W, 4321 Wh, 50 Hz and a power factor of 0.99."""
NTC = [231, 0xFFF6, 0x8000, 0x7FFF, 250, 250, 250, 9000]
"""23.1 °C, -1.0 °C, a broken wire, a short, three of 25 °C, and one that cannot be."""


def crc(body: bytes) -> bytes:
    """CRC-16/MODBUS, bit by bit, the low byte first."""
    value = 0xFFFF
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def frame(unit: int, function: int, body: bytes) -> bytes:
    whole = bytes([unit, function]) + body
    return whole + crc(whole)


def answer(unit: int, registers: Sequence[int], function: int = 4) -> bytes:
    """A meter's answer to a read."""
    body = struct.pack(f">{len(registers)}H", *registers)
    return frame(unit, function, bytes([len(body)]) + body)


def heard_together(instruments: Sequence[Callable[[bytes], bytes]], request: bytes, *, collide: bool) -> list[bytes]:
    """What comes back: on the wire a low bit wins over a high one."""
    said = [answered for instrument in instruments if (answered := instrument(request))]
    if collide and len(said) > 1:
        return [bytes(one & other for one, other in zip_longest(*said[:2], fillvalue=0xFF))]
    return said


class Wire:
    """A ``BusPort`` with instruments: each a function from a request's bytes to what comes back, or to nothing, after
    ``delay_s``. ``asked`` has the time and the bytes of every request. Pull the plug with ``why_down``. Those who
    answer at once are heard one behind the other, or garble each other if they ``collide``."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.on_bytes: Callable[[bytes], object] = lambda data: None
        self.why_down = ""
        self.closed = False
        self.asked: list[tuple[float, bytes]] = []
        self.instruments: list[Callable[[bytes], bytes]] = []
        self.delay_s = 0.03
        self.collide = False
        self._loop = loop

    def send(self, data: bytes) -> None:
        if self.why_down:
            return
        self.asked.append((self._loop.time(), data))
        for said in heard_together(self.instruments, data, collide=self.collide):
            self._loop.call_later(self.delay_s, self.say, said)

    def say(self, data: bytes) -> None:
        self.on_bytes(data)

    def close(self) -> None:
        self.closed = True


class Meter:
    """An instrument with registers from 0 on, by function. ``mute`` says nothing; ``damage`` changes what it says."""

    def __init__(self, unit: int, registers: Sequence[int], function: int = 4) -> None:
        self.unit, self.function = unit, function
        self.registers: list[int] = list(registers)
        self.mute = False
        self.damage: Callable[[bytes], bytes] = lambda said: said

    def __call__(self, request: bytes) -> bytes:
        if self.mute or request[0] != self.unit or request[1] != self.function:
            return b""
        first, count = struct.unpack(">HH", request[2:6])
        return self.damage(answer(self.unit, self.registers[first : first + count], self.function))


class Pzem:
    """A PZEM-004T as it comes from the factory: it answers to its address and to the general one, takes another, and
    counts from zero when told to."""

    def __init__(self, unit: int = 1, registers: Sequence[int] = PZEM) -> None:
        self.unit = unit
        self.registers: list[int] = list(registers)
        self.mute = False

    def __call__(self, request: bytes) -> bytes:
        unit, function, body = request[0], request[1], request[2:-2]
        if self.mute or unit not in (self.unit, 0xF8) or request[-2:] != crc(request[:-2]):
            return b""
        match function:
            case 4:
                first, count = struct.unpack(">HH", body)
                return answer(unit, self.registers[first : first + count])
            case 3:
                return answer(unit, [0, 0, self.unit][struct.unpack(">HH", body)[0] :][:1], 3)
            case 6:
                self.unit = struct.unpack(">HH", body)[1]
                return request
            case 0x42:
                self.registers[5:7] = [0, 0]
                return request
        return frame(unit, function | 0x80, b"\x01")
