"""What is to befall a town: drawn from a seed, the same again for the same seed, and a bit of everything."""

from firmware_sim.worlds.chaos.plan import EVERYWHERE, WEIGHTS, Plan, Trouble, make_plan

DEVICES = ["gate-1", "gym-1", "gate-2"]


def plan(seed: int = 1, minutes: float = 5.0) -> Plan:
    return make_plan(seed, minutes, DEVICES, cards=9)


def test_the_same_seed_makes_the_same_plan() -> None:
    assert plan(7) == plan(7)
    assert plan(7).fingerprint == plan(7).fingerprint


def test_another_seed_makes_another_plan() -> None:
    assert plan(7).troubles != plan(8).troubles
    assert plan(7).visits != plan(8).visits
    assert plan(7).fingerprint != plan(8).fingerprint


def test_every_sort_of_trouble_comes_once_before_any_comes_again() -> None:
    first = [trouble.what for trouble in plan().troubles][: len(WEIGHTS)]
    assert sorted(first) == sorted(WEIGHTS)


def test_a_device_is_named_wherever_a_device_is_meant() -> None:
    for trouble in plan(minutes=20).troubles:
        assert (trouble.where == "") == (trouble.what in EVERYWHERE)
        assert trouble.where in ["", *DEVICES]


def test_everything_lies_within_the_time_and_in_its_order() -> None:
    made = plan()
    for times in ([one.at_s for one in made.troubles], [one.at_s for one in made.visits]):
        assert times == sorted(times)
        assert times[0] >= 0
        assert times[-1] < made.minutes * 60 + 1


def test_every_device_is_visited_at_a_steady_rate() -> None:
    made = plan(minutes=2)
    assert {name: sum(visit.device == name for visit in made.visits) for name in DEVICES} == dict.fromkeys(DEVICES, 80)
    assert {visit.deed for visit in made.visits} == {"badge and walk", "badge", "leave", "ring"}
    assert {visit.card for visit in made.visits} == set(range(9))


def test_a_plan_may_be_limited_to_some_sorts_of_trouble() -> None:
    made = make_plan(1, 5.0, DEVICES, cards=9, among=["kill cloud at an ack"])
    assert set(made.counts) == {"kill cloud at an ack"}


def test_a_trouble_reads_as_what_it_is() -> None:
    assert str(Trouble(12.5, "cut device", "gym-1", 3.0)) == "   12.5 s  cut gym-1 for 3.0 s"
    assert str(Trouble(1.0, "kill agent", "gym-1")) == "    1.0 s  kill agent of gym-1"
    assert str(Trouble(1.0, "kill agent at a card", "gym-1", after_s=0.05)).endswith("kill agent of gym-1 at a card")
    assert str(Trouble(100.0, "kill broker")) == "  100.0 s  kill broker"
