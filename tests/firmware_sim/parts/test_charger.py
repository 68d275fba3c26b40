"""A socket feeds what is plugged in while its relay is closed, counts the energy, and grows warm or runs away."""

import asyncio

import pytest

from firmware_sim.parts.battery import APPLIANCES, Battery
from tests.firmware_sim.support.sockets import CONTACTOR, LEAKAGE, PLUG, RELAY, Place
from tests.firmware_sim.support.story import in_virtual_time

HOUR_S = 3600.0


@in_virtual_time
async def test_power_flows_while_the_relay_is_closed_and_something_is_plugged_in() -> None:
    place = Place()
    flows = [place.socket.flow.power_w]
    place.plug_in("phone")
    flows.append(place.socket.flow.power_w)
    await place.drive(RELAY, True)
    flows.append(place.socket.flow.power_w)
    place.socket.unplug()
    flows.append(place.socket.flow.power_w)
    assert flows == [0.0, 0.0, pytest.approx(17.4, abs=0.5), 0.0]
    assert place.socket.live


@in_virtual_time
async def test_a_night_of_charging_is_one_look_and_counts_what_a_look_a_second_counts() -> None:
    seldom, often = Place(), Place()
    for place in (seldom, often):
        place.plug_in("ebike_lithium", 0.1)
        await place.drive(RELAY, True)
    for _ in range(9000):
        await asyncio.sleep(1)
        assert often.socket.flow.power_w > 0
    assert seldom.socket.flow.energy_wh == pytest.approx(often.socket.flow.energy_wh, rel=1e-3)
    assert seldom.socket.temperature_c == pytest.approx(often.socket.temperature_c, abs=0.1)


@in_virtual_time
async def test_years_that_nobody_looks_at_are_one_step() -> None:
    place = Place()
    place.plug_in("heater")
    await place.drive(RELAY, True)
    await place.drive(RELAY, False)
    await asyncio.sleep(2 * 365 * 24 * HOUR_S)
    assert place.socket.flow.energy_wh < 1


@in_virtual_time
async def test_a_full_pack_rests() -> None:
    place = Place()
    place.plug_in("phone", 0.9)
    await place.drive(RELAY, True)
    await asyncio.sleep(3 * HOUR_S)
    assert isinstance(place.socket.appliance, Battery)
    assert place.socket.appliance.full
    assert place.socket.flow.power_w == pytest.approx(0.6, abs=0.01)


@in_virtual_time
async def test_nothing_flows_while_the_mains_is_cut_and_the_energy_stays() -> None:
    place = Place()
    place.plug_in("heater")
    await place.drive(RELAY, True)
    await asyncio.sleep(HOUR_S)
    place.mains.supply.put(False)
    cut = place.socket.flow
    await asyncio.sleep(HOUR_S)
    assert (cut.power_w, cut.current_a, place.socket.live) == (0.0, 0.0, False)
    assert place.socket.flow.energy_wh == cut.energy_wh == pytest.approx(1500, rel=0.01)
    place.mains.supply.put(True)
    assert place.socket.flow.power_w == pytest.approx(1500, rel=0.01)


@in_virtual_time
async def test_a_welded_relay_feeds_on_until_the_contactor_upstream_opens() -> None:
    place = Place(banked=True)
    place.plug_in("heater")
    await place.drive(CONTACTOR, True)
    await place.drive(RELAY, True)
    place.socket.relay.weld()
    await place.drive(RELAY, False)
    assert place.socket.flow.power_w > 1000
    await place.drive(CONTACTOR, False)
    assert place.socket.flow.power_w == 0


@in_virtual_time
async def test_a_relay_that_sticks_open_feeds_nothing_until_it_is_mended() -> None:
    place = Place()
    place.plug_in("heater")
    place.socket.relay.stick_open()
    await place.drive(RELAY, True)
    assert place.socket.flow.power_w == 0
    place.socket.relay.mend()
    assert place.socket.flow.power_w > 1000


@in_virtual_time
async def test_a_good_contact_stays_cool_and_settles() -> None:
    place = Place()
    place.plug_in("heater")
    await place.drive(RELAY, True)
    await asyncio.sleep(HOUR_S)
    settled = place.socket.temperature_c
    await asyncio.sleep(HOUR_S)
    assert 26 < settled < 28
    assert place.socket.temperature_c == pytest.approx(settled, abs=0.05)


@in_virtual_time
async def test_a_bad_contact_under_an_ebike_runs_away_within_minutes_faster_and_faster() -> None:
    place = Place()
    place.plug_in("ebike_lithium")
    await place.drive(RELAY, True)
    place.socket.overheat()
    to_60_s = await place.warm_to(60)
    to_70_s = await place.warm_to(70)
    to_80_s = await place.warm_to(80)
    assert 240 < to_60_s + to_70_s < 900
    assert to_80_s < to_70_s


@in_virtual_time
async def test_a_middling_contact_grows_warm_and_settles() -> None:
    place = Place()
    place.plug_in("ebike_lithium")
    await place.drive(RELAY, True)
    place.socket.overheat(1.0)
    assert await place.warm_to(60) == float("inf")
    assert place.socket.temperature_c > 35


@in_virtual_time
async def test_cut_in_time_it_cools_down_and_left_alone_it_burns_open() -> None:
    cut, left = Place(), Place()
    for place in (cut, left):
        place.plug_in("ebike_lithium")
        await place.drive(RELAY, True)
        place.socket.overheat()
    await cut.warm_to(70)
    await cut.drive(RELAY, False)
    await asyncio.sleep(HOUR_S)
    assert cut.socket.temperature_c == pytest.approx(25, abs=0.5)
    assert left.socket.burnt_open
    assert left.socket.flow.power_w == 0
    left.socket.cool()
    assert (left.socket.burnt_open, left.socket.temperature_c) == (False, 25.0)
    assert left.socket.flow.power_w > 100


@in_virtual_time
async def test_hot_air_heats_a_socket_that_nobody_uses() -> None:
    place = Place()
    place.socket.overheat(ambient_c=90)
    assert await place.warm_to(70) < HOUR_S


@pytest.mark.parametrize("what", APPLIANCES)
@pytest.mark.parametrize("contact_ohm", [0.005, 4.0, 100.0])
@in_virtual_time
async def test_no_more_power_flows_than_volts_and_amperes_allow(what: str, contact_ohm: float) -> None:
    place = Place()
    place.plug_in(what)
    await place.drive(RELAY, True)
    place.socket.overheat(contact_ohm)
    flow = place.socket.flow
    assert 0 < flow.power_w <= flow.current_a * place.mains.voltage_v * 1.0001
    assert 0 < flow.power_factor <= 1.0001


@in_virtual_time
async def test_plug_and_leakage_have_contacts() -> None:
    place = Place()
    pins = place.board.pin(PLUG), place.board.pin(LEAKAGE)
    levels = [tuple(pin.level for pin in pins)]
    place.plug_in("nothing")
    place.socket.trip_leakage()
    await asyncio.sleep(0.1)
    levels.append(tuple(pin.level for pin in pins))
    place.socket.unplug()
    place.socket.trip_leakage(False)
    await asyncio.sleep(0.1)
    levels.append(tuple(pin.level for pin in pins))
    assert levels == [(True, True), (False, False), (True, True)]


@in_virtual_time
async def test_its_view_tells_what_a_person_would_see() -> None:
    place = Place()
    place.plug_in("phone", 0.5)
    await place.drive(RELAY, True)
    view = place.socket.view()
    assert view["plugged_in"] == {"what": "phone", "charge_percent": 50.0, "full": False}
    assert view["relay"] == {"coil": True, "closed": True, "welded": False, "stuck_open": False}
    assert (view["live"], view["temperature_c"], view["bad_contact"]) == (True, 25.0, False)
