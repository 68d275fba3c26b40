"""The meters speak the bytes of their data sheets, and fail in the ways that are known of them."""

import asyncio
import struct
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.parts.meter import METERS, Lie, Meter, Ntc8, Pzem004t, Sdm120
from firmware_sim.parts.modbus_slave import is_sealed, sealed, words
from firmware_sim.time.clock import run_virtual
from tests.firmware_sim.support.sockets import RELAY, Place
from tests.firmware_sim.support.story import in_virtual_time

HOUR_S = 3600.0
READ_PZEM = "01 04 00 00 00 0A"
both = pytest.mark.parametrize("make", METERS.values(), ids=METERS)
Make = Callable[..., Meter]


def ask(slave: Meter | Ntc8, body: str) -> bytes | None:
    """What it answers to these bytes and their checksum, without its own; None if it is silent."""
    reply = slave.hear(sealed(bytes.fromhex(body)))
    if reply is None:
        return None
    assert is_sealed(reply.frame)
    return reply.frame[:-2]


def registers(slave: Meter | Ntc8, body: str) -> list[int]:
    answer = ask(slave, body)
    assert answer is not None
    assert answer[2] == len(answer) - 3
    return words(answer[3:])


def float_at(meter: Sdm120, register: int) -> float:
    high, low = registers(meter, f"01 04 {register:04X} 0002")
    (value,) = struct.unpack(">f", struct.pack(">HH", high, low))
    return float(value)


async def heated() -> Place:
    """A heater has run for half an hour."""
    place = Place()
    place.plug_in("heater")
    await place.drive(RELAY, True)
    await asyncio.sleep(HOUR_S / 2)
    return place


@in_virtual_time
async def test_the_pzem_has_its_low_word_first_and_whole_watt_hours() -> None:
    meter = Pzem004t(1, socket=(place := await heated()).socket)
    place.socket.mains.supply.put(True)
    await asyncio.sleep(HOUR_S * 48)
    found = registers(meter, READ_PZEM)
    now = meter.reading
    assert found[0] == pytest.approx(now.voltage_v * 10, abs=1)
    assert found[1] | found[2] << 16 == pytest.approx(now.current_a * 1000, abs=1)
    assert found[3] | found[4] << 16 == pytest.approx(now.power_w * 10, abs=1)
    assert found[5] | found[6] << 16 == int(now.energy_wh)
    assert found[6] == 1
    assert (found[7], found[8], found[9]) == (500, 100, 0)


@in_virtual_time
async def test_an_idle_pzem_to_the_byte() -> None:
    meter = Pzem004t(1, socket=Place().socket)
    expected = sealed(bytes.fromhex("01 04 14 08FC 0000 0000 0000 0000 0000 0000 01F4 0000 0000"))
    reply = meter.hear(sealed(bytes.fromhex(READ_PZEM)))
    assert reply is not None
    assert reply.frame == expected


@in_virtual_time
async def test_the_sdm120_has_floats_with_the_high_word_first_and_kilowatt_hours() -> None:
    meter = Sdm120(1, socket=(await heated()).socket)
    await asyncio.sleep(HOUR_S)
    now = meter.reading
    apparent_va = now.voltage_v * now.current_a
    expected = {
        0: now.voltage_v,
        6: now.current_a,
        12: now.power_w,
        18: apparent_va,
        30: now.power_factor,
        70: now.frequency_hz,
        342: now.energy_wh / 1000,
    }
    assert {at: float_at(meter, at) for at in expected} == pytest.approx(expected, rel=1e-5)
    assert now.energy_wh == pytest.approx(1500, rel=0.01)
    assert float_at(meter, 24) == pytest.approx((apparent_va**2 - now.power_w**2) ** 0.5, abs=2)


@in_virtual_time
async def test_230_volts_to_the_byte() -> None:
    meter = Sdm120(1, socket=Place().socket)
    assert ask(meter, "01 04 0000 0002") == bytes.fromhex("01 04 04 43660000")


@in_virtual_time
async def test_a_pzem_resets_its_energy_on_the_published_frames() -> None:
    meter = Pzem004t(1, socket=(await heated()).socket)
    await asyncio.sleep(HOUR_S)
    energy = []
    for body in ("01 42", "F8 42"):
        assert ask(meter, body) == bytes.fromhex(body)
        energy.append(int(meter.reading.energy_wh))
        await asyncio.sleep(HOUR_S)
    assert energy == [0, 0]
    assert meter.reading.energy_wh == pytest.approx(1500, rel=0.01)


@in_virtual_time
async def test_a_pzem_takes_a_new_address_and_keeps_to_it() -> None:
    meter = Pzem004t(1, socket=Place().socket)
    assert ask(meter, "F8 06 0002 0011") == bytes.fromhex("F8 06 0002 0011")
    assert ask(meter, READ_PZEM) is None
    assert registers(meter, "11 03 0002 0001") == [0x11]
    assert ask(meter, "11 06 0002 0000") == bytes.fromhex("11 86 03")
    assert ask(meter, "11 06 0009 0001") == bytes.fromhex("11 86 02")


@in_virtual_time
async def test_a_pzem_alarms_above_its_threshold() -> None:
    meter = Pzem004t(1, socket=(await heated()).socket)
    assert ask(meter, "01 06 0001 03E8") == bytes.fromhex("01 06 0001 03E8")
    assert registers(meter, READ_PZEM)[9] == 0xFFFF


@in_virtual_time
async def test_a_pzem_wants_its_password_to_be_calibrated() -> None:
    meter = Pzem004t(1, socket=Place().socket)
    assert ask(meter, "F8 41 37 21") == bytes.fromhex("F8 41 37 21")
    assert ask(meter, "F8 41 00 00") == bytes.fromhex("F8 C1 03")


@in_virtual_time
async def test_an_sdm120_takes_its_address_as_a_float() -> None:
    meter = Sdm120(1, socket=Place().socket)
    assert ask(meter, "01 10 0014 0002 04 41880000") == bytes.fromhex("01 10 0014 0002")
    assert ask(meter, "11 03 0014 0002") == bytes.fromhex("11 03 04 41880000")
    assert ask(meter, "11 10 0014 0002 04 41840000") == bytes.fromhex("11 90 03")
    assert ask(meter, "11 10 0014 0002 04 7FC00000") == bytes.fromhex("11 90 03")
    assert ask(meter, "11 10 0012 0002 04 41880000") == bytes.fromhex("11 90 02")


@both
@in_virtual_time
async def test_a_broadcast_is_obeyed_and_not_answered(make: Make) -> None:
    meter = make(1, socket=Place().socket)
    write = {Pzem004t: "00 06 0002 0005", Sdm120: "00 10 0014 0002 04 40A00000"}[type(meter)]
    assert ask(meter, write) is None
    assert meter.address == 5


@both
@in_virtual_time
async def test_a_meter_lives_from_the_mains_it_measures_and_its_counter_does_not(make: Make) -> None:
    meter = make(1, socket=(place := await heated()).socket)
    await asyncio.sleep(HOUR_S)
    place.mains.supply.put(False)
    assert ask(meter, "01 04 0000 0002") is None
    await asyncio.sleep(HOUR_S)
    place.mains.supply.put(True)
    assert ask(meter, "01 04 0000 0002") is not None
    assert meter.reading.energy_wh == pytest.approx(1500, rel=0.01)


@both
@in_virtual_time
async def test_it_stands_before_the_relay(make: Make) -> None:
    place = Place()
    meter = make(1, socket=place.socket)
    assert meter.reading.voltage_v == pytest.approx(230)
    place.plug_in("heater")
    place.socket.relay.weld()
    assert meter.reading.power_w > 1000


@both
@in_virtual_time
async def test_what_is_too_little_to_measure_reads_zero(make: Make) -> None:
    place = Place()
    place.plug_in("nothing")
    await place.drive(RELAY, True)
    now = make(1, socket=place.socket).reading
    assert (now.current_a, now.power_w, now.power_factor) == (0.0, 0.0, 0.0)


@both
@in_virtual_time
async def test_its_faults_come_and_go(make: Make) -> None:
    meter = make(1, socket=(await heated()).socket)
    read = sealed(bytes.fromhex("01 04 0000 0002"))
    usual = meter.hear(read)
    assert usual is not None
    meter.muted = True
    assert meter.hear(read) is None
    meter.muted, meter.bad_crc = False, True
    garbled = meter.hear(read)
    assert garbled is not None
    assert not is_sealed(garbled.frame)
    meter.bad_crc, meter.late_s = False, 1.5
    late = meter.hear(read)
    assert late is not None
    assert late.frame == usual.frame
    assert late.after_s == pytest.approx(usual.after_s + 1.5)


@both
@in_virtual_time
async def test_frozen_it_says_what_it_said_and_counts_on_behind_that(make: Make) -> None:
    meter = make(1, socket=(await heated()).socket)
    meter.freeze()
    then = meter.reading
    await asyncio.sleep(HOUR_S)
    assert meter.reading == then
    assert meter.view()["frozen"]
    meter.freeze(False)
    assert meter.reading.energy_wh == pytest.approx(1500, rel=0.01)


@both
@pytest.mark.parametrize("lie", get_args(Lie))
@in_virtual_time
async def test_its_lies(make: Make, lie: Lie) -> None:
    meter = make(1, socket=(place := await heated()).socket)
    meter.tell_lies(lie)
    await asyncio.sleep(HOUR_S)
    told, true_w = meter.reading, place.socket.flow.power_w
    share = {"half": 0.5, "double": 2.0, "nothing": 0.0}.get(lie)
    if share is None:
        assert told.voltage_v > 1000
        assert ask(meter, "01 04 0000 000A") is not None
    else:
        assert told.power_w == pytest.approx(true_w * share)
        assert told.energy_wh == pytest.approx(1500 * share, rel=0.01)
    meter.tell_lies(None)
    assert meter.reading.power_w == pytest.approx(true_w)


@in_virtual_time
async def test_a_meter_that_is_wired_to_another_socket_counts_on_from_there() -> None:
    mine, other = await heated(), await heated()
    meter = Pzem004t(1, socket=mine.socket)
    await asyncio.sleep(HOUR_S)
    meter.move_to(other.socket)
    other.socket.unplug()
    await asyncio.sleep(HOUR_S)
    assert meter.reading.energy_wh == pytest.approx(1500, rel=0.01)
    assert meter.reading.power_w == 0


@in_virtual_time
async def test_eight_thermistors_on_one_board() -> None:
    warm, frosty = Place().socket, Place().socket
    warm.overheat(ambient_c=61.5)
    frosty.overheat(ambient_c=-12.5)
    board = Ntc8(40)
    board.sockets = {0: warm, 7: frosty}
    await asyncio.sleep(24 * HOUR_S)
    assert registers(board, "28 03 0000 0008") == [615, *[0x8000] * 6, 0x10000 - 125]
    board.break_sensor(0, "open")
    board.break_sensor(7, "shorted")
    assert registers(board, "28 03 0000 0008") == [*[0x8000] * 7, 0x7FFF]
    board.break_sensor(0, None)
    assert registers(board, "28 03 0000 0001") == [615]
    board.freeze()
    warm.cool()
    assert registers(board, "28 03 0000 0001") == [615]
    board.freeze(False)
    assert registers(board, "28 03 0000 0001") == [250]
    assert ask(board, "28 04 0000 0001") == bytes.fromhex("28 84 01")


@in_virtual_time
async def test_an_address_beyond_the_bus_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 247"):
        Pzem004t(248, socket=Place().socket)


@pytest.mark.parametrize("model", ["pzem004t", "sdm120", "ntc8"])
@given(body=st.binary(max_size=252))
def test_whatever_is_asked_it_answers_as_itself_or_not_at_all(model: str, body: bytes) -> None:
    async def story() -> None:
        slave = Ntc8(1) if model == "ntc8" else METERS[model](1, socket=Place().socket)
        for address in (b"\x01", b"\xf8", b"\x02"):
            reply = slave.hear(sealed(address + body))
            if reply is not None:
                assert is_sealed(reply.frame)
                assert reply.frame[:1] == address != b"\x02"
                assert reply.frame[1] & 0x7F == body[0] & 0x7F
                assert len(reply.frame) <= 256
        assert slave.hear(body) is None or is_sealed(body)
        assert slave.address in slave.ADDRESSES

    run_virtual(story())
