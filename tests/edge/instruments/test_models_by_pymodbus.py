"""Meters that were not written here: pymodbus's own server decodes our requests and encodes the answers, behind a
pseudo-terminal, in real time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge.instruments.modbus import Failure, Read, Registers, Timing, Write
from edge.instruments.modbus_line import ModbusLine
from edge.instruments.models import MODELS, Doubt, Values
from edge.instruments.serial_line import SerialLine
from tests.edge.support.ptys import Pty, pty
from tests.edge.support.wires import NTC, PZEM

UNHURRIED = Timing(answer_s=5.0, worst_s=6.0)
"""A busy machine is no broken meter."""
FLOATS = [0.0] * 36
FLOATS[0], FLOATS[3], FLOATS[6], FLOATS[15], FLOATS[35] = 231.5, 4.5, 1000.0, 0.96, 50.0
DEVICES = [
    SimDevice(1, [SimData(0, values=PZEM, datatype=DataType.REGISTERS)]),
    SimDevice(
        2,
        [
            SimData(0, values=FLOATS, datatype=DataType.FLOAT32),
            SimData(342, values=12.345, datatype=DataType.FLOAT32),
        ],
    ),
    SimDevice(40, [SimData(0, values=NTC, datatype=DataType.REGISTERS)]),
]


async def carry(reader: asyncio.StreamReader, other: Pty) -> None:
    """What the server says, to the pseudo-terminal."""
    while data := await reader.read(4096):
        other.say(data)


@asynccontextmanager
async def meters(folder: Path) -> AsyncIterator[ModbusLine]:
    """A line to pymodbus's server, which speaks RTU over TCP."""
    server = ModbusTcpServer(DEVICES, framer=FramerType.RTU, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with pty(folder) as other:
        other.heard = writer.write
        carrying = asyncio.create_task(carry(reader, other))
        line = SerialLine(other.link, 9600, asyncio.get_running_loop())
        try:
            yield ModbusLine(line, UNHURRIED, asyncio.get_running_loop())
        finally:
            line.close()
            writer.close()
            await carrying
            await server.shutdown()  # type: ignore[no-untyped-call]


async def look(line: ModbusLine, model: str, address: int, channel: int | None = None) -> Values | Doubt:
    blocks = []
    for request in MODELS[model].reads(address):
        outcome = await line.ask(request)
        assert isinstance(outcome, Registers), outcome
        blocks.append(outcome.values)
    return MODELS[model].decode(blocks, channel)


def test_the_three_models_are_read_from_pymodbus(tmp_path: Path) -> None:
    async def story() -> None:
        async with meters(tmp_path) as line:
            pzem = await look(line, "pzem004t", 1)
            assert isinstance(pzem, dict)
            assert pzem["power_w"] == 1188.0
            sdm = await look(line, "sdm120", 2)
            assert isinstance(sdm, dict)
            assert sdm == {
                "voltage_v": 231.5,
                "current_a": 4.5,
                "power_w": 1000.0,
                "energy_wh": pytest.approx(12_345),
                "frequency_hz": 50.0,
                "power_factor": pytest.approx(0.96),
            }
            assert await look(line, "ntc8", 40, 1) == {"temperature_c": -1.0}
            assert line.master.strays == 0

    asyncio.run(story())


def test_pymodbus_takes_what_we_write_and_gives_its_reasons_to_refuse(tmp_path: Path) -> None:
    async def story() -> None:
        async with meters(tmp_path) as line:
            assert await line.ask(Write(40, 2, 77)) == Registers((77,))
            assert await line.ask(Read(40, 3, 2, 1)) == Registers((77,))
            assert await line.ask(Read(1, 4, 5, 10)) == Failure("exception", 2)
            assert await line.ask(Read(1, 4, 0, 10)) == Registers(tuple(PZEM))

    asyncio.run(story())
