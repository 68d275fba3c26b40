"""The rounds of a bus: who is told what, and how often, whatever its instruments do."""

import asyncio
from asyncio import sleep
from collections import Counter, defaultdict
from itertools import cycle, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.peripherals import Bus, Instrument
from edge.config.tables import Point
from edge.instruments.modbus import Timing
from edge.instruments.models import Values
from edge.instruments.polling import LONGEST_PAUSE_S, Metering, Read
from tests.edge.support.wires import NTC, PZEM, Meter, Wire, answer
from tests.firmware_sim.support.story import in_virtual_time

BUS = Bus("meters", "unused")


def socket(number: int, **more: Instrument) -> Point:
    meter = Instrument("meters", "pzem004t", number)
    return Point(f"phone-{number}", "socket", "hub", instruments={"meter": meter, **more})


class Told:
    """Metering on a wire with as many PZEMs as there are sockets; keeps what the points were told, and when."""

    def __init__(self, *points: Point, bus: Bus = BUS) -> None:
        self.loop = asyncio.get_running_loop()
        self.wire = Wire(self.loop)
        self.broken: set[str] = set()
        self.hears: Read = lambda point, instrument, values: None
        self.meters = {
            one.address: Meter(one.address, PZEM)
            for point in points
            for one in point.instruments.values()
            if one.model == "pzem004t"
        }
        self.wire.instruments = list(self.meters.values())
        self.said: dict[str, list[tuple[float, Values | None]]] = defaultdict(list)
        self.metering = Metering(bus, points, self.wire, self.loop, self._hear)
        self.metering.start()

    def _hear(self, point: str, instrument: str, values: Values | None) -> None:
        self.hears(point, instrument, values)
        if point in self.broken:
            raise RuntimeError("this point is broken")
        self.said[f"{point}.{instrument}"].append((self.loop.time(), values))

    def newest(self, tap: str) -> Values | None:
        return self.said[tap][-1][1]

    def gaps_s(self, tap: str) -> list[float]:
        """The times between two good readings."""
        good = [at_s for at_s, values in self.said[tap] if values is not None]
        return [later - earlier for earlier, later in pairwise(good)]


@pytest.mark.parametrize(("answer_ms", "is_read"), [(150, False), (350, True)])
def test_slow_instrument_is_read_where_bus_allows(answer_ms: int, is_read: bool) -> None:
    """One that answers after 0.3 s is silent to a line that waits for half of that."""

    @in_virtual_time
    async def story() -> None:
        told = Told(socket(1), socket(2), bus=Bus("meters", "meters", answer_ms=answer_ms))
        told.wire.delay_s = 0.3
        await sleep(20)
        for tap in ("phone-1.meter", "phone-2.meter"):
            assert all((values is not None) is is_read for _, values in told.said[tap])
        await told.metering.close()

    story()


@in_virtual_time
async def test_a_meter_is_read_once_a_second() -> None:
    told = Told(socket(1))
    await sleep(9.5)
    assert len(told.said["phone-1.meter"]) == 10
    assert told.said["phone-1.meter"][0][1] == {
        "voltage_v": 230.1,
        "current_a": 5.217,
        "power_w": 1188.0,
        "energy_wh": 4321.0,
        "frequency_hz": 50.0,
        "power_factor": 0.99,
    }
    assert told.metering.faults() == {}
    await told.metering.close()
    assert told.wire.closed


@in_virtual_time
async def test_an_instrument_that_is_silent_is_told_as_unknown_every_second() -> None:
    told = Told(socket(1), socket(2))
    told.meters[2].mute = True
    await sleep(60)
    assert [values for _, values in told.said["phone-2.meter"]] == [None] * len(told.said["phone-2.meter"])
    assert len(told.said["phone-2.meter"]) >= 55
    assert told.metering.faults() == {"phone-2.meter": "silent"}
    await told.metering.close()


@in_virtual_time
async def test_a_dead_meter_costs_the_others_little() -> None:
    told = Told(*(socket(number) for number in range(1, 9)))
    told.meters[3].mute = True
    await sleep(300)
    for number in (1, 2, 4, 8):
        assert max(told.gaps_s(f"phone-{number}.meter")) < 1.3
        assert len(told.gaps_s(f"phone-{number}.meter")) > 295
    tries = [at_s for at_s, data in told.wire.asked if data[0] == 3 and at_s > 60]
    assert 240 / 10 < len(tries) < 240 / 7
    await told.metering.close()


@in_virtual_time
async def test_with_all_meters_dead_but_one_that_one_is_read_all_the_time() -> None:
    told = Told(*(socket(number) for number in range(1, 13)))
    for number in range(2, 13):
        told.meters[number].mute = True
    await sleep(300)
    assert max(told.gaps_s("phone-1.meter")[1:]) < 1.3
    await told.metering.close()


@in_virtual_time
async def test_meters_whose_mains_come_back_are_all_read_again_within_seconds() -> None:
    told = Told(*(socket(number) for number in range(1, 13)))
    await sleep(5)
    for meter in told.meters.values():
        meter.mute = True
    await sleep(120)
    for meter in told.meters.values():
        meter.mute = False
    await sleep(LONGEST_PAUSE_S + 3)
    assert told.metering.faults() == {}
    await told.metering.close()


@in_virtual_time
async def test_one_damaged_answer_is_one_unknown_reading() -> None:
    told = Told(socket(1))
    await sleep(3.5)
    told.meters[1].damage = lambda said: said[:-1] + bytes([said[-1] ^ 1])
    await sleep(1)
    assert told.newest("phone-1.meter") is None
    assert told.metering.faults() == {"phone-1.meter": "crc"}
    told.meters[1].damage = lambda said: said
    await sleep(2)
    assert told.newest("phone-1.meter") is not None
    assert told.metering.faults() == {}
    await told.metering.close()


@in_virtual_time
async def test_a_value_that_cannot_be_is_unknown_and_the_meter_is_asked_on() -> None:
    told = Told(socket(1))
    told.meters[1].registers[0] = 65_535
    await sleep(10.5)
    assert [values for _, values in told.said["phone-1.meter"]] == [None] * 11
    assert told.metering.faults() == {"phone-1.meter": "absurd"}
    assert len(told.wire.asked) == 11
    await told.metering.close()


@in_virtual_time
async def test_a_board_of_thermistors_is_read_once_for_all_points() -> None:
    points = [
        socket(number, thermometer=Instrument("meters", "ntc8", 40, channel))
        for number, channel in ((1, 0), (2, 1), (3, 2), (4, 3))
    ]
    told = Told(*points)
    told.wire.instruments.append(Meter(40, NTC, function=3))
    await sleep(0.9)
    said = {tap: values for tap, [(_, values)] in told.said.items() if "thermometer" in tap}
    assert said == {
        "phone-1.thermometer": {"temperature_c": 23.1},
        "phone-2.thermometer": {"temperature_c": -1.0},
        "phone-3.thermometer": None,
        "phone-4.thermometer": None,
    }
    faults = told.metering.faults()
    assert faults == {"phone-3.thermometer": "open", "phone-4.thermometer": "shorted"}
    assert len(told.wire.asked) == 5
    await told.metering.close()


@in_virtual_time
async def test_a_line_that_is_gone_leaves_everything_unknown_until_it_is_back() -> None:
    told = Told(socket(1), socket(2))
    await sleep(3.5)
    told.wire.why_down = "it has hung up"
    asked = len(told.wire.asked)
    await sleep(20)
    assert len(told.wire.asked) == asked
    assert told.metering.faults() == {
        "bus.meters": "it has hung up",
        "phone-1.meter": "bus_lost",
        "phone-2.meter": "bus_lost",
    }
    assert [values for at_s, values in told.said["phone-2.meter"] if at_s > 3.5] == [None] * 20
    told.wire.why_down = ""
    await sleep(1)
    assert told.metering.faults() == {}
    assert told.newest("phone-1.meter") and told.newest("phone-2.meter")
    await told.metering.close()


@in_virtual_time
async def test_a_line_that_babbles_is_no_answer_and_no_standstill() -> None:
    told = Told(socket(1))
    told.meters[1].mute = True
    loop = asyncio.get_running_loop()

    def babble() -> None:
        told.wire.say(b"\x01\x04\x14")
        loop.call_later(0.002, babble)

    babble()
    await sleep(30)
    assert len(told.said["phone-1.meter"]) >= 10
    assert all(values is None for _, values in told.said["phone-1.meter"])
    assert told.metering.faults()["phone-1.meter"] in ("garbage", "crc")
    await told.metering.close()


@in_virtual_time
async def test_a_hearer_that_fails_leaves_the_others_their_meters(caplog: pytest.LogCaptureFixture) -> None:
    told = Told(socket(1), socket(2))
    told.broken.add("phone-1")
    await sleep(2.5)
    assert len(told.said["phone-2.meter"]) == 3
    assert told.metering.failures == 3
    await told.metering.close()
    assert "phone-1.meter" in caplog.text


@in_virtual_time
async def test_a_fault_of_ours_costs_one_round_and_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told(socket(1))
    await sleep(2.5)
    with monkeypatch.context() as broken:
        broken.setattr("edge.instruments.polling.Unit.look", lambda self, line: 1 / 0)
        await sleep(1)
    await sleep(1)
    assert told.metering.failures == 1
    assert "a round of the bus meters failed" in caplog.text
    assert len(told.said["phone-1.meter"]) == 4
    await told.metering.close()


@in_virtual_time
async def test_a_late_answer_is_never_taken_for_the_next_ones() -> None:
    """The meter answers each request 0.25 s late, with what it measured when it was asked."""

    told = Told(socket(1))
    told.wire.delay_s = 0.25
    meter = told.meters[1]
    loop = asyncio.get_running_loop()

    def count(said: bytes) -> bytes:
        return answer(1, [2301, int(loop.time() * 10) + 1000, 0, 0, 0, 0, 0, 500, 99, 0])

    meter.damage = count
    await sleep(60)
    assert all(values is None for _, values in told.said["phone-1.meter"])
    assert told.metering.line.master.strays > 0
    await told.metering.close()


FATES = st.tuples(st.sampled_from(["sound", "sound", "mute", "damaged", "noisy"]), st.floats(0.005, Timing().worst_s))


@given(st.lists(FATES, min_size=1, max_size=60))
def test_whatever_becomes_of_the_answers_a_point_is_told_its_own_meters_newest(fates: list[tuple[str, float]]) -> None:
    """Three meters; each answer says whose it is and to which request, and meets a fate on its way."""

    @in_virtual_time
    async def story() -> None:
        told = Told(socket(1), socket(2), socket(3))
        coming, asked = cycle(fates), Counter[int]()

        def answering(request: bytes) -> bytes:
            unit, (fate, told.wire.delay_s) = request[0], next(coming)
            asked[unit] += 1
            said = answer(unit, [2300, 1000 * unit + asked[unit], 0, 0, 0, 0, 0, 500, 99, 0])
            if fate == "damaged":
                return said[:7] + bytes([said[7] ^ 0x10]) + said[8:]
            return {"sound": said, "mute": b"", "noisy": b"\x00\xff" + said}[fate]

        def heard(point: str, _instrument: str, values: Values | None) -> None:
            if values is not None:
                unit = int(point[-1])
                assert round(values["current_a"] * 1000) == 1000 * unit + asked[unit]

        told.wire.instruments = [answering]
        told.hears = heard
        await sleep(30)
        assert told.metering.failures == 0
        assert set(asked) == {1, 2, 3}
        await told.metering.close()

    story()
