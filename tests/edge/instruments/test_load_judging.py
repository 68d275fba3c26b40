"""Whose instrument moved: each verdict, and crossed pairs found whoever is crossed with whom."""

from hypothesis import given
from hypothesis import strategies as st

from edge.instruments.load_judging import LoadFinding, LoadTrial, Verdict, crossed_with, judge_meter, judge_thermometer

NAMES = [f"phone-{number}" for number in range(1, 7)]
LEAST_W = 5.0


def trial(point: str, after: dict[str, float | None], instrument: str = "meter") -> LoadTrial:
    """Every instrument stood at 20 before; ``after`` has those that changed, by point."""
    own = f"{point}.{instrument}"
    before: dict[str, float | None] = {f"{name}.{instrument}": 20.0 for name in NAMES}
    return LoadTrial(point, own, before, {**before, **{f"{name}.{instrument}": value for name, value in after.items()}})


def verdict(found: LoadFinding) -> tuple[Verdict, tuple[str, ...]]:
    return found.verdict, found.instead


def test_a_load_that_its_own_meter_sees_is_well() -> None:
    assert verdict(judge_meter(trial("phone-1", {"phone-1": 28.0}), LEAST_W)) == ("ok", ())


def test_a_load_that_anothers_meter_sees_names_it() -> None:
    found = judge_meter(trial("phone-1", {"phone-3": 28.0}), LEAST_W)
    assert verdict(found) == ("crossed_meter", ("phone-3.meter",))
    assert not found.good


def test_a_load_that_nobody_sees_is_no_load() -> None:
    assert verdict(judge_meter(trial("phone-1", {"phone-1": 24.9}), LEAST_W)) == ("no_load", ())


def test_a_meter_that_cannot_be_read_is_not_said_to_be_crossed() -> None:
    assert verdict(judge_meter(trial("phone-1", {"phone-1": None}), LEAST_W)) == ("unread", ())


def test_somebody_who_plugs_in_meanwhile_spoils_the_trial() -> None:
    found = judge_meter(trial("phone-1", {"phone-1": 28.0, "phone-2": 40.0}), LEAST_W)
    assert verdict(found) == ("several_moved", ("phone-2.meter",))


def test_the_warmest_thermistor_is_the_one_that_was_warmed() -> None:
    assert verdict(judge_thermometer(trial("phone-1", {"phone-1": 27.0, "phone-2": 22.0}, "thermometer"))) == ("ok", ())
    assert verdict(judge_thermometer(trial("phone-1", {"phone-1": 22.0, "phone-2": 27.0}, "thermometer"))) == (
        "crossed_thermometer",
        ("phone-2.thermometer",),
    )


def test_a_thermistor_that_was_not_warmed_proves_nothing() -> None:
    found = judge_thermometer(trial("phone-1", {"phone-1": 21.0}, "thermometer"))
    assert verdict(found) == ("not_warmed", ())
    assert not found.good
    assert judge_thermometer(trial("phone-1", {"phone-1": None}, "thermometer")).verdict == "unread"


@given(st.permutations(NAMES))
def test_however_the_meters_are_crossed_every_wrong_one_is_named_and_no_right_one(wired: list[str]) -> None:
    """``wired`` is whose meter really measures each socket."""
    seen = dict(zip(NAMES, wired, strict=True))
    found = [judge_meter(trial(name, {seen[name]: 30.0}), LEAST_W) for name in NAMES]
    for one in found:
        right = seen[one.point] == one.point
        assert verdict(one) == (("ok", ()) if right else ("crossed_meter", (f"{seen[one.point]}.meter",)))
    for own, other in crossed_with(found):
        assert seen[own.removesuffix(".meter")] == other.removesuffix(".meter")
        assert seen[other.removesuffix(".meter")] == own.removesuffix(".meter")
