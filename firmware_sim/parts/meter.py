"""The instruments of charging sockets as Modbus RTU slaves: two energy meters and a board of eight thermistors.

A meter lives from the mains it measures and sits before the relay and before a bank's contactor, so it still sees
what a welded contact lets through.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from firmware_sim.parts.charger import Socket
from firmware_sim.parts.modbus_slave import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_HOLDING,
    READ_INPUT,
    WRITE_ONE,
    WRITE_SEVERAL,
    Handler,
    Slave,
    read_registers,
    require,
    words,
)

Lie = Literal["half", "double", "nothing", "absurd"]
LIES: Mapping[Lie | None, float] = {None: 1.0, "half": 0.5, "double": 2.0, "nothing": 0.0, "absurd": 1.0}
"""By how much a lying meter takes the current, the power and what it counts; an absurd one shows no possible figure."""
Sensor = Literal["open", "shorted"]

START_A, START_W = 0.02, 0.4
"""Below these the chips of both meters read zero (data sheet of the PZEM-004T)."""


class Measured(NamedTuple):
    voltage_v: float
    current_a: float
    power_w: float
    energy_wh: float
    frequency_hz: float
    power_factor: float


ABSURD = Measured(6553.5, 4_294_967.0, 429_496_729.0, 4_294_967_295.0, 6553.5, 655.35)
"""What a chip shows whose registers read all ones."""


class Meter(Slave[Measured]):
    """Measures one socket. Its counter of energy outlives power cuts, and can be reset, by order or by itself."""

    def __init__(self, address: int, *, socket: Socket, name: str = "meter") -> None:
        super().__init__(address, name=name, powered=lambda: self.socket.mains.supply.on)
        self.socket = socket
        self.lie: Lie | None = None
        self._counted_wh = 0.0
        self._seen_wh = socket.flow.energy_wh

    def tell_lies(self, lie: Lie | None) -> None:
        """From now on, until told otherwise."""
        self._count()
        self.lie = lie

    def move_to(self, socket: Socket) -> None:
        """Be wired to another socket, as by an installer who crossed two cables."""
        self._count()
        self.socket, self._seen_wh = socket, socket.flow.energy_wh

    def reset_energy(self) -> None:
        self._count()
        self._counted_wh = 0.0

    def measure(self) -> Measured:
        if self.lie == "absurd":
            return ABSURD
        factor, flow, mains = LIES[self.lie], self.socket.flow, self.socket.mains
        self._count(flow.energy_wh)
        current_a, power_w = flow.current_a * factor, flow.power_w * factor
        return Measured(
            mains.voltage_v,
            current_a if current_a >= START_A else 0.0,
            power_w if power_w >= START_W else 0.0,
            self._counted_wh,
            mains.frequency_hz,
            flow.power_factor if current_a >= START_A and power_w >= START_W else 0.0,
        )

    def view(self) -> dict[str, object]:
        return {**super().view(), "lie": self.lie, "energy_wh": round(self.reading.energy_wh, 1)}

    def _count(self, energy_wh: float | None = None) -> None:
        energy_wh = self.socket.flow.energy_wh if energy_wh is None else energy_wh
        self._counted_wh += (energy_wh - self._seen_wh) * LIES[self.lie]
        self._seen_wh = energy_wh


class Pzem004t(Meter):
    """The PZEM-004T v3: 32-bit registers with the low word first, an address that all answer to, an own reset."""

    REPLY_MS = 15.0
    ANY = (0xF8,)
    RESET, CALIBRATE = 0x42, 0x41
    ALARM_W, ADDRESS = 1, 2
    CALIBRATION_PASSWORD = bytes.fromhex("3721")

    alarm_w = 23_000

    @property
    def functions(self) -> Mapping[int, Handler]:
        return {
            READ_HOLDING: self._read_holding,
            READ_INPUT: self._read_input,
            WRITE_ONE: self._write,
            self.RESET: self._reset,
            self.CALIBRATE: self._calibrate,
        }

    def _read_input(self, body: bytes) -> bytes:
        now = self.reading
        low_high = [_within(value, 32) for value in (now.current_a * 1000, now.power_w * 10, now.energy_wh // 1)]
        registers = [
            _within(now.voltage_v * 10, 16),
            *(word for value in low_high for word in (value & 0xFFFF, value >> 16)),
            _within(now.frequency_hz * 10, 16),
            _within(now.power_factor * 100, 16),
            0xFFFF if now.power_w > self.alarm_w else 0,
        ]
        return read_registers(body, dict(enumerate(registers)))

    def _read_holding(self, body: bytes) -> bytes:
        return read_registers(body, {self.ALARM_W: self.alarm_w, self.ADDRESS: self.address})

    def _write(self, body: bytes) -> bytes:
        require(len(body) == 4, ILLEGAL_VALUE)
        register, value = words(body)
        require(register in (self.ALARM_W, self.ADDRESS), ILLEGAL_ADDRESS)
        if register == self.ALARM_W:
            self.alarm_w = value
        else:
            require(value in self.ADDRESSES, ILLEGAL_VALUE)
            self.address = value
        return body

    def _reset(self, body: bytes) -> bytes:
        require(not body, ILLEGAL_VALUE)
        self.reset_energy()
        return b""

    def _calibrate(self, body: bytes) -> bytes:
        require(body == self.CALIBRATION_PASSWORD, ILLEGAL_VALUE)
        return body


class Sdm120(Meter):
    """The Eastron SDM120: IEEE 754 floats with the high word first; its address is such a float too."""

    REPLY_MS = 30.0
    ADDRESS = 0x14
    LAST = 0x158

    @property
    def functions(self) -> Mapping[int, Handler]:
        return {READ_HOLDING: self._read_holding, READ_INPUT: self._read_input, WRITE_SEVERAL: self._write}

    def _read_input(self, body: bytes) -> bytes:
        now = self.reading
        apparent_va = now.voltage_v * now.current_a
        values = {
            0: now.voltage_v,
            6: now.current_a,
            12: now.power_w,
            18: apparent_va,
            24: max(0.0, apparent_va**2 - now.power_w**2) ** 0.5,
            30: now.power_factor,
            70: now.frequency_hz,
            342: now.energy_wh / 1000,
        }
        registers = dict.fromkeys(range(self.LAST), 0)
        for number, value in values.items():
            registers[number], registers[number + 1] = _float_words(value)
        return read_registers(body, registers)

    def _read_holding(self, body: bytes) -> bytes:
        high, low = _float_words(self.address)
        return read_registers(body, {self.ADDRESS: high, self.ADDRESS + 1: low})

    def _write(self, body: bytes) -> bytes:
        require(len(body) == 9 and body[4] == 4, ILLEGAL_VALUE)
        require(body[:4] == struct.pack(">HH", self.ADDRESS, 2), ILLEGAL_ADDRESS)
        (value,) = struct.unpack(">f", body[5:])
        require(value in self.ADDRESSES, ILLEGAL_VALUE)
        self.address = int(value)
        return body[:4]


class Ntc8(Slave[dict[int, int]]):
    """Eight thermistors on one board: holding registers 0 to 7 in tenths of a degree, signed; -32768 is a sensor torn
    off, 32767 a shorted one. A channel without a sensor reads as torn off."""

    REPLY_MS = 10.0
    CHANNELS = range(8)
    BROKEN: Mapping[Sensor, int] = {"open": 0x8000, "shorted": 0x7FFF}

    def __init__(self, address: int, *, powered: Callable[[], bool] = lambda: True, name: str = "ntc8") -> None:
        super().__init__(address, name=name, powered=powered)
        self.sockets: dict[int, Socket] = {}
        self.channels: dict[str, int] = {}
        """Of the thermistors, by ``point.instrument``."""
        self._broken: dict[int, Sensor] = {}

    @property
    def functions(self) -> Mapping[int, Handler]:
        return {READ_HOLDING: lambda body: read_registers(body, self.reading)}

    def break_sensor(self, channel: int, how: Sensor | None) -> None:
        """Tear the thermistor of a channel off, short its wires, or with None connect it again."""
        if how is None:
            self._broken.pop(channel, None)
        else:
            self._broken[channel] = how

    def view(self) -> dict[str, object]:
        return {**super().view(), "broken": {str(channel): how for channel, how in self._broken.items()}}

    def measure(self) -> dict[int, int]:
        return {channel: self._register(channel) for channel in self.CHANNELS}

    def _register(self, channel: int) -> int:
        if channel in self._broken:
            return self.BROKEN[self._broken[channel]]
        if channel not in self.sockets:
            return self.BROKEN["open"]
        return round(self.sockets[channel].temperature_c * 10) & 0xFFFF


def _within(value: float, bits: int) -> int:
    """As a register shows it that cannot show more."""
    return min(int(value + 0.5), (1 << bits) - 1)


def _float_words(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


METERS: Mapping[str, type[Pzem004t] | type[Sdm120]] = {"pzem004t": Pzem004t, "sdm120": Sdm120}
"""By the model that a config names."""
