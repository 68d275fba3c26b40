"""How much a transaction took, whatever its post's registers say on the way."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.archetypes import account
from edge.archetypes.account import Account, RegisterReading

NOON_MS = 1_795_435_200_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
MOST_W = 22_000.0


def told(*readings: tuple[int, float], begin_wh: float | None = 1000, numbered: bool = True) -> Account:
    """An account after readings, each with its second, heard as they were read."""
    found, at_s = account.opened(None if begin_wh is None else RegisterReading(begin_wh, NOON_MS)), 0
    for second, wh in readings:
        found = account.passed(found, (second - at_s) * 1000)
        at_s = second
        found = account.read(found, RegisterReading(wh, NOON_MS + second * 1000, numbered), MOST_W)
    return found


def closed(found: Account, second: int, wh: float | None) -> Account:
    found = account.passed(found, second * 1000 - found.span_ms)
    return account.closed(found, None if wh is None else RegisterReading(wh, NOON_MS + second * 1000), MOST_W)


def test_what_a_register_rises_by_counts() -> None:
    assert told((60, 1100), (120, 1200.5)).energy_wh == 200.5


def test_a_reading_without_a_beginning_begins() -> None:
    assert told((60, 5000), (120, 5100), begin_wh=None).energy_wh == 100


def test_a_beginning_told_later_counts_from_there() -> None:
    found = account.begun_at(told((60, 5000), (120, 5100), begin_wh=None), 4950, MOST_W)
    assert (found.energy_wh, found.begin) == (150, RegisterReading(4950))
    assert account.begun_at(found, 4000, MOST_W) == found
    far = told((60, 5000), begin_wh=None)
    assert account.begun_at(far, 10, MOST_W) == far


@pytest.mark.parametrize("repeated", [1, 3])
def test_an_overtaken_or_repeated_reading_counts_nothing(repeated: int) -> None:
    readings = [(30, 1100.0), (90, 1300.0)] + [(60, 1200.0)] * repeated + [(90, 1300.0)] * repeated
    found = account.opened(RegisterReading(1000, NOON_MS), 90_000)
    for second, wh in readings:
        found = account.read(found, RegisterReading(wh, NOON_MS + second * 1000), MOST_W)
    assert (found.energy_wh, len(found.registers), found.doubts) == (300, 1, ())


def test_a_register_that_jitters_never_counts_down() -> None:
    seen = [told((30, 1100), (60, 1096), (90, wh)).energy_wh for wh in (1096, 1100, 1101)]
    assert seen == [100, 100, 101]


def test_a_reset_register_goes_on_and_says_so() -> None:
    found = told((60, 1300), (120, 20), (180, 120), (240, 220))
    assert (found.energy_wh, found.doubts) == (520, ("reset",))
    assert closed(found, 240, 220).energy_wh == 520


def test_reset_is_believed_before_ends_that_seem_sound() -> None:
    found = told((60, 1300), (120, 20), (180, 365), (240, 710), (300, 1055))
    assert closed(found, 360, 1400).energy_wh == 1700
    assert closed(found, 360, 1400).doubts == ("reset", "ends")


def test_old_reading_of_another_register_is_no_reset() -> None:
    found = account.opened(RegisterReading(11, NOON_MS), 61_000)
    for second, wh in ((60, 21), (0, 0), (0, 0), (1, 0)):
        found = account.read(found, RegisterReading(wh, NOON_MS + second * 1000), MOST_W)
    assert account.closed(found, RegisterReading(32, NOON_MS + 61_000), MOST_W).energy_wh == 21


def test_wrong_reading_that_is_repeated_is_no_reset() -> None:
    found = told((60, 1300), (120, 5), (120, 5), (120, 5))
    assert (found.energy_wh, found.doubts) == (300, ())


def test_register_without_number_is_no_guess_at_reset() -> None:
    found = told((60, 1300))
    for second, wh in ((120, 20), (180, 78)):
        found = account.passed(found, 60_000)
        found = account.read(found, RegisterReading(wh, NOON_MS + second * 1000, numbered=False), MOST_W)
    assert (found.energy_wh, found.doubts) == (300 + 58, ())


def test_a_reading_from_before_a_reset_counts_late() -> None:
    found = told((60, 1100), (240, 20), (300, 120))
    assert found.energy_wh == 220
    found = account.read(found, RegisterReading(1300, NOON_MS + 180_000), MOST_W)
    assert found.energy_wh == 420
    assert account.read(found, RegisterReading(1250, NOON_MS + 150_000), MOST_W) == found


def test_a_register_that_drops_once_was_wrong_once() -> None:
    found = told((60, 1300), (120, 0), (180, 1500))
    assert (found.energy_wh, found.doubts) == (500, ())


def test_jump_that_is_impossible_once_is_left_out() -> None:
    assert told((60, 1300), (90, 9000), (120, 1500)).energy_wh == 500


def test_a_register_that_rises_impossibly_fast_is_bounded() -> None:
    found = told(*((second, 1000 + second * 11.0) for second in range(60, 1260, 60)))
    possible_wh = MOST_W * account.MARGIN * 1200 / 3600
    assert found.doubts == ("rate",)
    assert 0.9 * possible_wh <= found.energy_wh <= 1.2 * possible_wh


def test_another_register_in_turn_is_no_gain() -> None:
    """A post tells its session's register with a number, and its lifetime's without."""
    found = account.opened(RegisterReading(0, NOON_MS))
    for second in range(30, 3630, 30):
        found = account.passed(found, 30_000)
        found = account.read(found, RegisterReading(second * 2, NOON_MS + second * 1000), MOST_W)
        found = account.read(found, RegisterReading(9_000_000 + second * 2, NOON_MS + second * 1000, False), MOST_W)
    assert (found.energy_wh, found.doubts) == (7200, ())
    assert closed(found, 3600, 7200).energy_wh == 7200


def test_register_of_session_between_ends_of_a_lifetime() -> None:
    found = told(*((minute * 60, minute * 100.0) for minute in range(1, 11)), begin_wh=4_076_000)
    assert found.energy_wh == 1000
    assert closed(found, 660, 4_077_100).energy_wh == 1100


@pytest.mark.parametrize("stop_wh", [0, 1000, 500])
def test_an_end_that_cannot_be_takes_nothing_away(stop_wh: float) -> None:
    found = closed(told((1800, 5000), (3600, 9000)), 3601, stop_wh)
    assert (found.energy_wh, found.doubts) == (8000, ("ends",))


def test_end_that_is_impossible_is_bounded_and_told() -> None:
    assert closed(told(), 3600, 4_000_000).energy_wh == 0
    assert closed(told(), 3600, 4_000_000).doubts == ("ends",)
    found = closed(told(), 3600, 1000 + 30_001)
    assert 24_200 <= found.energy_wh < 24_700
    assert found.doubts == ("ends",)


def test_an_end_below_earlier_readings_is_believed() -> None:
    """A wrong reading that was possible is put right by the two ends."""
    found = told((600, 1000), (630, 1160), (660, 1010), (690, 1020))
    assert found.energy_wh == 170
    assert closed(found, 720, 1030) == account.closed(account.passed(found, 30_000), RegisterReading(1030), MOST_W)
    assert (closed(found, 720, 1030).energy_wh, closed(found, 720, 1030).doubts) == (30, ("other", "less"))


def test_clock_that_is_set_in_between_loses_nothing() -> None:
    found = account.opened(RegisterReading(1000, 5_000))
    for minute in range(1, 11):
        at_ms = minute * MINUTE_MS if minute < 5 else NOON_MS + minute * MINUTE_MS
        found = account.read(account.passed(found, MINUTE_MS), RegisterReading(1000 + minute * 100, at_ms), MOST_W)
    found = account.read(account.passed(found, MINUTE_MS), RegisterReading(2100, NOON_MS - HOUR_MS), MOST_W)
    assert found.energy_wh == 1100


def test_register_in_whole_kilowatt_hours_counts_in_steps() -> None:
    found = told(*((second, 4_000_000 + second // 600 * 1000) for second in range(60, 3660, 60)), begin_wh=4_000_000)
    assert (found.energy_wh, found.doubts) == (6000, ())


def test_registers_are_bounded() -> None:
    found = told(*((second, 10.0**7 * second) for second in range(1, 40)))
    assert len(found.registers) <= account.MAX_REGISTERS
    assert any(one.wh == 1000 for one in found.registers)


class Drawn:
    """What a transaction really took: a power for each half minute."""

    def __init__(self, begin_wh: float, powers_w: list[int]) -> None:
        self.begin_wh = begin_wh
        steps = [power_w * 30 / 3600 for power_w in powers_w]
        self.at = [0.0]
        for step in steps:
            self.at.append(self.at[-1] + step)
        self.last = len(powers_w)

    @property
    def wh(self) -> float:
        return self.at[-1]


POWERS = st.lists(st.integers(0, int(MOST_W * 1.1)), min_size=1, max_size=30)


@settings(max_examples=200)
@given(st.data(), st.floats(0, 1e7), POWERS, st.sampled_from([None, 0.0]))
def test_billed_is_what_lies_between_both_ends(
    data: st.DataObject, begin_wh: float, powers_w: list[int], scale_wh: float | None
) -> None:
    """Readings in any order, late, twice or never, of the ends' register or of the session's own, change nothing."""
    drawn = Drawn(begin_wh, powers_w)
    base_wh = begin_wh if scale_wh is None else scale_wh
    heard = data.draw(st.lists(st.tuples(st.integers(0, drawn.last), st.integers(0, 300)), max_size=40))
    found, now_s, seen = account.opened(RegisterReading(begin_wh, NOON_MS)), 0, [0.0]
    for turn, late_s in sorted(heard, key=lambda one: one[0] * 30 + one[1]):
        second = turn * 30
        found = account.passed(found, (second + late_s - now_s) * 1000)
        now_s = second + late_s
        found = account.read(found, RegisterReading(base_wh + drawn.at[turn], NOON_MS + second * 1000), MOST_W)
        seen.append(found.energy_wh)
    assert all(early <= later for early, later in pairwise(seen))
    assert seen[-1] <= drawn.wh + 0.01
    found = account.passed(found, max(0, drawn.last * 30 - now_s) * 1000)
    found = account.closed(found, RegisterReading(begin_wh + drawn.wh, NOON_MS + drawn.last * 30_000), MOST_W)
    assert abs(found.energy_wh - drawn.wh) < 0.01


@pytest.mark.parametrize(
    ("begin_wh", "read_wh"),
    [
        (11, [(150, 150, 21.01), (30, 151, 0), (60, 151, 0), (150, 151, 21.01)]),
        (15, [(90, 91, 366.7), (0, 116, 0), (30, 121, 0), (90, 151, 366.7)]),
    ],
    ids=["a little late", "the beginning last"],
)
def test_a_late_reading_of_the_session_adds_nothing(begin_wh: float, read_wh: list[tuple[int, int, float]]) -> None:
    """The post tells the session's own register at the end of it first, and what that stood at before comes late:
    such a low reading was taken for another register, from which all of it was counted once more."""
    found = account.opened(RegisterReading(begin_wh, NOON_MS))
    for second, arrives_s, wh in read_wh:
        found = account.passed(found, arrives_s * 1000 - found.span_ms)
        found = account.read(found, RegisterReading(wh, NOON_MS + second * 1000), MOST_W)
    assert found.energy_wh <= read_wh[-1][-1]


@settings(max_examples=100)
@given(POWERS, st.floats(0, 1e7), st.lists(st.tuples(st.floats(0, 1e8), st.booleans()), max_size=20))
def test_noise_counts_no_more_than_is_possible(
    powers_w: list[int], begin_wh: float, noise: list[tuple[float, bool]]
) -> None:
    drawn = Drawn(begin_wh, powers_w)
    found = account.opened(RegisterReading(begin_wh, NOON_MS))
    for turn, (wh, numbered) in enumerate(noise):
        found = account.passed(found, 30_000)
        found = account.read(found, RegisterReading(wh, NOON_MS + turn * 30_000, numbered), MOST_W)
        assert found.energy_wh >= 0
    ended = account.closed(found, RegisterReading(begin_wh + drawn.wh, NOON_MS + HOUR_MS), MOST_W)
    assert abs(ended.energy_wh - drawn.wh) < 0.01 or ended.doubts
