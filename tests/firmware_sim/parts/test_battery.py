"""Packs follow the curve that chargers give them: constant current, a knee, constant voltage, and an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.parts.battery import APPLIANCES, PACKS, Battery, Load, Pack

EBIKE_LITHIUM, EBIKE_LEAD, PHONE, PHONE_FAST, POWER_BANK = PACKS
HOUR_S = 3600.0
packs = pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)


def charged(battery: Battery, *, step_s: float = 60.0) -> tuple[list[float], float]:
    """The power at each step until it is full, and the energy of all of them, in joules."""
    powers, joules = [], 0.0
    while not battery.full:
        powers.append(battery.power_w)
        joules += battery.run(step_s)
    return powers, joules


@packs
def test_power_rises_to_the_knee_and_falls_after_it(pack: Pack) -> None:
    battery = Battery(pack, 0.0)
    powers, _ = charged(battery)
    knee = powers.index(max(powers))
    assert powers[:knee] == sorted(powers[:knee])
    assert powers[knee:] == sorted(powers[knee:], reverse=True)
    at_knee = Battery(pack, pack.knee).power_w
    assert max(powers) == pytest.approx(at_knee, rel=0.02)
    assert at_knee == pytest.approx(pack.full_v * pack.charge_a / pack.efficiency)


@packs
def test_a_full_charge_draws_what_the_pack_holds_and_what_is_lost_on_the_way(pack: Pack) -> None:
    battery = Battery(pack, 0.0)
    _, joules = charged(battery)
    mean_v = (pack.empty_v + pack.full_v) / 2
    least_wh = pack.capacity_ah * mean_v / pack.efficiency / pack.accepted * battery.charge
    assert least_wh < joules / HOUR_S < least_wh * 1.16
    assert 0.95 < battery.charge < 1


@pytest.mark.parametrize(
    ("pack", "hours"),
    [(EBIKE_LITHIUM, 7.5), (EBIKE_LEAD, 9.8), (PHONE, 2.3), (PHONE_FAST, 0.26), (POWER_BANK, 3.5)],
    ids=str,
)
def test_it_takes_as_long_as_such_a_pack_does(pack: Pack, hours: float) -> None:
    powers, _ = charged(Battery(pack, 0.0))
    assert len(powers) / 60 == pytest.approx(hours, rel=0.05)


def test_an_ebike_and_a_phone_each_end_within_what_their_class_calls_full() -> None:
    assert [pack.resting_w < 30 and pack.resting_w > 2 for pack in (EBIKE_LITHIUM, EBIKE_LEAD)] == [True, True]
    assert [0.3 < pack.resting_w < 1.5 for pack in (PHONE, POWER_BANK)] == [True, True]


@packs
@given(charge=st.floats(0, 1), legs=st.lists(st.floats(0.001, 20_000), min_size=1, max_size=6))
def test_however_often_one_looks_the_charge_is_the_same(pack: Pack, charge: float, legs: list[float]) -> None:
    seldom, often = Battery(pack, charge), Battery(pack, charge)
    at_once = seldom.run(sum(legs))
    in_legs = sum(often.run(leg) for leg in legs)
    assert in_legs == pytest.approx(at_once, rel=1e-6, abs=1e-3)
    assert often.charge == pytest.approx(seldom.charge)
    assert charge <= often.charge <= 1


@packs
@given(charge=st.floats(0, 1), seconds=st.floats(0.001, 100_000))
def test_what_it_drew_lies_between_its_least_and_its_greatest_power(pack: Pack, charge: float, seconds: float) -> None:
    joules = Battery(pack, charge).run(seconds)
    most_w = pack.full_v * pack.charge_a / pack.efficiency
    assert pack.resting_w * seconds * 0.999 <= joules <= most_w * seconds * 1.001


def test_a_charger_that_lost_the_mains_starts_over_and_is_soon_done() -> None:
    battery = Battery(PHONE, 0.9)
    charged(battery)
    battery.lose_power()
    assert not battery.full
    battery.run(1)
    assert battery.full


def test_a_plain_load_draws_the_same_always() -> None:
    heater = Load("heater", 1500, 1.0)
    assert heater.run(60) == 90_000
    heater.lose_power()
    assert heater.power_w == 1500


@pytest.mark.parametrize("what", APPLIANCES)
def test_every_appliance_says_what_it_is(what: str) -> None:
    assert APPLIANCES[what](0.5).view()["what"] == what


def test_a_charge_of_more_than_all_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        Battery(PHONE, 1.2)
