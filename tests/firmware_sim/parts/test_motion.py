from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firmware_sim.parts.motion import Motion

angles = st.floats(-120, 120)
speeds = st.floats(-200, 200)


@given(angles, speeds, angles, st.floats(5, 200), st.floats(20, 800))
def test_a_swing_arrives_and_is_continuous_on_the_way(
    angle: float, speed: float, target: float, top_speed: float, acceleration: float
) -> None:
    motion = Motion(angle, speed, target, top_speed=top_speed, acceleration=acceleration)
    assert motion.at(0.0)[0] == pytest.approx(angle)
    assert motion.at(motion.duration_s) == (target, 0.0)
    steps = [motion.duration_s * step / 200 for step in range(201)]
    fastest = max(abs(speed), top_speed)
    for before, after in pairwise(steps):
        assert abs(motion.at(after)[0] - motion.at(before)[0]) <= fastest * (after - before) + 1e-6


@given(angles, speeds, angles, angles)
def test_a_mark_is_passed_where_the_angle_says_so(angle: float, speed: float, target: float, mark: float) -> None:
    assume(abs(mark - angle) > 1e-3 and abs(mark - target) > 1e-3)
    motion = Motion(angle, speed, target, top_speed=80, acceleration=160)
    crossings = motion.crossings(mark)
    assert [at_s for at_s, _ in crossings] == sorted(at_s for at_s, _ in crossings)
    for at_s, _ in crossings:
        assert motion.at(at_s)[0] == pytest.approx(mark, abs=1e-6)
    above = angle > mark
    for _, upwards in crossings:
        assert upwards is not above
        above = upwards
    assert above is (target > mark)


def test_a_leaf_let_go_while_it_opens_swings_on_before_it_turns_round() -> None:
    motion = Motion(40.0, 80.0, 0.0, top_speed=25.0, acceleration=160.0)
    assert max(motion.at(step / 100)[0] for step in range(200)) == pytest.approx(60.0)  # 80² / (2 · 160) further


def test_what_stands_at_its_target_stays_there() -> None:
    motion = Motion(0.0, 0.0, 0.0, top_speed=25.0, acceleration=160.0)
    assert (motion.duration_s, motion.crossings(4.0)) == (0.0, [])
