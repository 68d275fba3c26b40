"""A contactor follows its coil and says by its second contact where it really is."""

import pytest

from tests.firmware_sim.support.sockets import CONTACTOR, FEEDBACK, Place
from tests.firmware_sim.support.story import in_virtual_time


def closed(place: Place) -> tuple[bool, bool]:
    """Whether it is closed, and whether it says so."""
    return place.contactor.closed.on, not place.board.pin(FEEDBACK).level


@in_virtual_time
async def test_it_follows_its_coil_and_tells() -> None:
    place = Place()
    seen = [closed(place)]
    for on in (True, False):
        await place.drive(CONTACTOR, on)
        seen.append(closed(place))
    assert seen == [(False, False), (True, True), (False, False)]


@in_virtual_time
async def test_welded_it_stays_closed_and_tells_so() -> None:
    place = Place()
    await place.drive(CONTACTOR, True)
    place.contactor.weld()
    await place.drive(CONTACTOR, False)
    assert closed(place) == (True, True)
    place.contactor.mend()
    await place.drive(CONTACTOR, False)
    assert closed(place) == (False, False)


@in_virtual_time
async def test_stuck_open_it_does_not_close_and_tells_so() -> None:
    place = Place()
    place.contactor.stick_open()
    await place.drive(CONTACTOR, True)
    assert closed(place) == (False, False)


@pytest.mark.parametrize("first_open", [True, False])
@in_virtual_time
async def test_of_two_faults_the_last_one_holds(first_open: bool) -> None:
    contact = Place().contactor
    deeds = [contact.stick_open, contact.weld]
    for deed in deeds if first_open else reversed(deeds):
        deed()
    assert contact.closed.on is first_open
