"""A new meter gets its address, if it is alone; nothing is changed where that is in doubt."""

import asyncio

import pytest

from edge.instruments.commissioning import AddressNotGiven, give_address, look_at_all
from edge.instruments.modbus import Timing
from edge.instruments.modbus_line import ModbusLine
from edge.instruments.polling import Tap, Unit
from tests.edge.support.wires import PZEM, Pzem, Wire
from tests.firmware_sim.support.story import in_virtual_time


def line_of(*meters: Pzem) -> tuple[ModbusLine, Wire]:
    loop = asyncio.get_running_loop()
    wire = Wire(loop)
    wire.instruments = list(meters)
    return ModbusLine(wire, Timing(), loop), wire


@in_virtual_time
async def test_a_new_meter_gets_its_address_and_answers_as_that() -> None:
    meter = Pzem(1)
    line, _ = line_of(meter)
    assert await give_address(line, 12) == 1
    assert meter.unit == 12


@in_virtual_time
async def test_a_meter_that_has_the_address_already_is_left_alone() -> None:
    line, wire = line_of(Pzem(12))
    assert await give_address(line, 12) == 12
    assert not [request for _, request in wire.asked if request[1] == 6]


@in_virtual_time
async def test_a_new_meter_among_others_is_called_by_its_present_address() -> None:
    old, new = Pzem(2), Pzem(1)
    line, _ = line_of(old, new)
    assert await give_address(line, 3, present=1) == 1
    assert (old.unit, new.unit) == (2, 3)


@pytest.mark.parametrize("collide", [False, True])
def test_two_that_answer_at_once_are_told_and_left_as_they_are(collide: bool) -> None:
    @in_virtual_time
    async def story() -> None:
        one, other = Pzem(1), Pzem(1, [2310, *PZEM[1:]])
        line, wire = line_of(one, other)
        wire.collide = collide
        with pytest.raises(AddressNotGiven, match="two meters answer at once"):
            await give_address(line, 12)
        assert (one.unit, other.unit) == (1, 1)

    story()


@in_virtual_time
async def test_two_with_different_addresses_are_two_as_well() -> None:
    line, wire = line_of(Pzem(1), Pzem(2))
    wire.collide = True
    with pytest.raises(AddressNotGiven, match="two meters answer at once"):
        await give_address(line, 12)


@in_virtual_time
async def test_an_address_that_another_has_is_not_given_twice() -> None:
    taken, new = Pzem(12), Pzem(1)
    line, _ = line_of(taken, new)
    with pytest.raises(AddressNotGiven, match="12 is taken"):
        await give_address(line, 12, present=1)
    assert new.unit == 1


@in_virtual_time
async def test_a_line_without_a_meter_is_said_with_what_to_look_at() -> None:
    line, _ = line_of()
    with pytest.raises(AddressNotGiven, match="no meter answers; look at its 5 V"):
        await give_address(line, 12)


@in_virtual_time
async def test_a_meter_that_does_not_take_its_address_is_not_said_to_have_it() -> None:
    class Stubborn(Pzem):
        def __call__(self, request: bytes) -> bytes:
            return request if request[1] == 6 else super().__call__(request)

    line, _ = line_of(Stubborn(1))
    with pytest.raises(AddressNotGiven, match="it may be 1 still"):
        await give_address(line, 12)


@pytest.mark.parametrize("address", [0, 248, 1000])
def test_an_address_that_no_meter_can_have_is_refused(address: int) -> None:
    @in_virtual_time
    async def story() -> None:
        line, wire = line_of(Pzem(1))
        with pytest.raises(AddressNotGiven, match="between 1 and 247"):
            await give_address(line, address)
        assert wire.asked == []

    story()


@in_virtual_time
async def test_instrument_is_asked_again() -> None:
    """One answer spoilt by noise is no reason to say that a meter cannot be read."""
    meter = Pzem(1)
    line, wire = line_of(meter)
    damaged = [b"\xff" * 25]
    wire.instruments = [lambda request: damaged.pop() if damaged else meter(request)]
    rows = await look_at_all(line, [Unit("pzem004t", 1, [Tap("phone-1", "meter", None)])])
    assert [(row["instrument"], row["why"]) for row in rows] == [("phone-1.meter", "")]
    assert len(wire.asked) == 2
