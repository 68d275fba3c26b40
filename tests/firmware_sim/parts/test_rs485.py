"""Bytes take their time on the bus, those who talk at once garble each other, a pulled cable is silence."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware_sim.parts.meter import Meter, Pzem004t, Sdm120
from firmware_sim.parts.modbus_slave import is_sealed, sealed
from firmware_sim.parts.rs485 import BusPort, Rs485Bus, Terminal
from firmware_sim.time.clock import run_real
from tests.firmware_sim.support.sockets import RELAY, Place
from tests.firmware_sim.support.story import in_virtual_time

BYTE_S = 10 / 9600
PAUSE_S = 3.5 * BYTE_S


def read(address: int) -> bytes:
    return sealed(bytes([address]) + bytes.fromhex("04 0000 000A"))


class Line:
    """A bus with meters, and what the master hears on it, with the time of each piece."""

    def __init__(self, *addresses: int, baud: int = 9600) -> None:
        self.loop = asyncio.get_running_loop()
        self.place = Place()
        self.bus = Rs485Bus(self.loop, baud=baud)
        self.meters = [
            Pzem004t(address, socket=self.place.socket, name=f"meter {number}")
            for number, address in enumerate(addresses)
        ]
        for meter in self.meters:
            self.bus.slaves.append(meter)
        self.heard: list[tuple[float, bytes]] = []
        self.port = self.listen()

    def listen(self) -> BusPort:
        port = self.bus.open()
        port.on_bytes = lambda data: self.heard.append((self.loop.time(), data))
        return port

    async def ask(self, *frames: bytes, wait_s: float = 1.0) -> list[bytes]:
        """Put frames on the wire one behind the other, wait, and return what came back."""
        self.heard.clear()
        for frame in frames:
            self.port.send(frame)
        await asyncio.sleep(wait_s)
        return [data for _, data in self.heard]


@in_virtual_time
async def test_an_answer_takes_the_time_of_its_bytes_and_the_slaves_delay() -> None:
    line = Line(1)
    line.port.send(read(1))
    await asyncio.sleep(1)
    ((at_s, answer),) = line.heard
    on_the_wire_s = (8 + 25) * BYTE_S + PAUSE_S
    assert len(answer) == 25
    assert is_sealed(answer)
    assert on_the_wire_s + 0.015 <= at_s <= on_the_wire_s + 0.020


@in_virtual_time
async def test_a_faster_line_is_faster() -> None:
    slow, fast = Line(1), Line(1, baud=115200)
    await slow.ask(read(1))
    began_s = fast.loop.time()
    await fast.ask(read(1))
    assert fast.heard[0][0] - began_s < slow.heard[0][0]


@in_virtual_time
async def test_only_the_one_that_is_meant_answers() -> None:
    line = Line(1, 2, 3)
    ((answer),) = await line.ask(read(2))
    assert answer[0] == 2
    assert await line.ask(read(9)) == []


@in_virtual_time
async def test_a_frame_may_come_in_pieces_and_two_without_a_pause_are_none() -> None:
    line = Line(1)
    assert len(await line.ask(read(1)[:3], read(1)[3:])) == 1
    assert await line.ask(read(1), read(1)) == []
    assert len(await line.ask(read(1))) == 1


@in_virtual_time
async def test_new_meters_that_share_an_address_garble_each_other() -> None:
    line = Line(1, 1)
    answers = await line.ask(read(1))
    assert answers
    assert not any(is_sealed(answer) for answer in answers)
    line.meters[0].address = 2
    assert [is_sealed(answer) for answer in await line.ask(read(1))] == [True]


@in_virtual_time
async def test_a_late_answer_comes_in_the_middle_of_what_follows() -> None:
    line = Line(1, 2)
    line.meters[0].late_s = 0.2
    assert await line.ask(read(1), wait_s=0.1) == []
    ((late),) = await line.ask(wait_s=0.5)
    assert late[0] == 1
    await line.ask(read(1), wait_s=0.2)
    both = await line.ask(read(2), wait_s=0.5)
    assert b"".join(both)[:1] == b"\x01" or not all(is_sealed(answer) for answer in both)


@in_virtual_time
async def test_a_pulled_cable_is_silence_and_comes_back() -> None:
    line = Line(1)
    line.bus.plugged_in = False
    assert await line.ask(read(1)) == []
    line.bus.plugged_in = True
    assert len(await line.ask(read(1))) == 1


@in_virtual_time
async def test_a_closed_port_hears_nothing_and_says_so() -> None:
    line = Line(1)
    line.port.send(read(1))
    line.port.close()
    await asyncio.sleep(1)
    assert (line.heard, line.port.why_down) == ([], "closed")
    line.port.send(read(1))
    await asyncio.sleep(1)
    other = line.listen()
    assert line.heard == []
    line.bus.hang_up()
    assert other.why_down == "closed"


@in_virtual_time
async def test_noise_without_end_is_no_frame() -> None:
    assert await Line(1).ask(bytes(300), read(1)) == []


@contextmanager
def terminal(link: Path, make: type[Pzem004t] | type[Sdm120]) -> Iterator[None]:
    """A heater on a meter, behind a pseudo-terminal that another thread serves in real time."""
    up, over = threading.Event(), threading.Event()

    async def serve() -> None:
        place = Place()
        meter: Meter = make(1, socket=place.socket)
        bus = Rs485Bus(place.board.loop)
        bus.slaves.append(meter)
        place.plug_in("heater")
        await place.drive(RELAY, True)
        end = Terminal(place.board.loop, bus, link)
        up.set()
        await asyncio.to_thread(over.wait)
        end.close()

    serving = threading.Thread(target=lambda: run_real(serve()), name="bus")
    serving.start()
    try:
        assert up.wait(30)
        yield
    finally:
        over.set()
        serving.join()


def polled(mbpoll: Path, link: Path, *arguments: str) -> dict[int, float]:
    """What it reads, by reference."""
    command = [str(mbpoll), "-m", "rtu", "-b", "9600", "-P", "none", "-a", "1", "-0", "-1", *arguments]
    done = subprocess.run([*command, str(link)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split(":", 1) for line in done.stdout.splitlines() if line.startswith("[")]
    return {int(at.strip("[]")): float(value.split()[0]) for at, value in rows}


def test_mbpoll_reads_the_simulated_pzem_over_a_pseudo_terminal(mbpoll: Path, tmp_path: Path) -> None:
    with terminal(tmp_path / "meters", Pzem004t):
        found = polled(mbpoll, tmp_path / "meters", "-t", "3", "-r", "0", "-c", "10")
    assert list(found) == list(range(10))
    assert found[0] == pytest.approx(2300, rel=0.01)
    assert found[3] == pytest.approx(15000, rel=0.01)
    assert (found[7], found[8]) == (500, 100)


def test_mbpoll_reads_the_simulated_sdm120_over_a_pseudo_terminal(mbpoll: Path, tmp_path: Path) -> None:
    with terminal(tmp_path / "meters", Sdm120):
        found = polled(mbpoll, tmp_path / "meters", "-t", "3:float", "-B", "-r", "0", "-c", "7")
        total = polled(mbpoll, tmp_path / "meters", "-t", "3:float", "-B", "-r", "342", "-c", "1")
    assert found[0] == pytest.approx(230, rel=0.01)
    assert found[6] == pytest.approx(6.52, rel=0.02)
    assert found[12] == pytest.approx(1500, rel=0.01)
    assert 0 < total[342] < 0.1


def test_a_terminal_takes_the_place_of_an_older_one_and_goes_with_its_board(tmp_path: Path) -> None:
    link = tmp_path / "meters"
    link.symlink_to("/nowhere")
    with terminal(link, Pzem004t):
        assert link.readlink().is_relative_to("/dev")
        assert link.is_char_device()
    assert not link.is_symlink()


def test_a_terminal_does_not_take_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "meters").write_text("precious")

    async def story() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(FileExistsError):
            Terminal(loop, Rs485Bus(loop), tmp_path / "meters")

    run_real(story())
    assert (tmp_path / "meters").read_text() == "precious"
