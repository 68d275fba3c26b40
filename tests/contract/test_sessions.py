"""Why a session stopped, in words for whoever stands there."""

import re

import pytest

from contract.sessions import TABLE, Stop, stop_of_emergency, words

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLAIN = {Stop.USER, Stop.CARD, Stop.REMOTE, Stop.PULLED}
"""What people do themselves needs no advice."""

every_reason = pytest.mark.parametrize("stop", Stop)


def test_the_table_has_each_reason_once_and_no_other() -> None:
    assert list(TABLE) == list(Stop)


@every_reason
def test_a_reason_has_words_in_both_languages(stop: Stop) -> None:
    chinese, english = words(stop, "zh-CN"), words(stop, "en")
    assert CHINESE.search(chinese.text)
    assert english.text
    assert not CHINESE.search(english.text + english.remedy)


@every_reason
def test_a_stop_that_nobody_asked_for_says_what_to_do_about_it(stop: Stop) -> None:
    remedies = [bool(words(stop, language).remedy) for language in ("zh", "en")]
    assert remedies == [stop not in PLAIN] * 2


@every_reason
def test_words_fit_on_a_small_screen(stop: Stop) -> None:
    """Two lines of a 20-character display for the text, two of a phone for the remedy."""
    for language in ("zh", "en"):
        assert len(words(stop, language).text) <= 40
        assert len(words(stop, language).remedy) <= 60


@pytest.mark.parametrize(
    ("cause", "stop"),
    [
        ("smoke", Stop.SMOKE),
        ("estop", Stop.ESTOP),
        ("drill", Stop.DRILL),
        ("fire", Stop.FIRE),
        ("loop_broken", Stop.FIRE),
        ("", Stop.FIRE),
    ],
)
def test_every_cause_of_an_emergency_has_a_reason(cause: str, stop: Stop) -> None:
    assert stop_of_emergency(cause) is stop


def test_ocpp_is_told_of_power_cuts_emergencies_and_plugs_by_its_own_words() -> None:
    told = {stop: entry.ocpp for stop, entry in TABLE.items()}
    assert {stop for stop, ocpp in told.items() if ocpp == "EmergencyStop"} == {
        Stop.ESTOP,
        Stop.SMOKE,
        Stop.FIRE,
        Stop.DRILL,
    }
    assert (told[Stop.POWER_LOSS], told[Stop.PULLED], told[Stop.CARD]) == ("PowerLoss", "EVDisconnected", "Local")
    assert told[Stop.DEAUTHORIZED] == "DeAuthorized"
