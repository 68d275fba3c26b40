"""What a button of the panel orders, with the card and the thing in the person's hand."""

import pytest

from firmware_sim.control.commands import Tap, TapAndWalk
from firmware_sim.panel.deeds import order_of
from firmware_sim.parts.command import ControlError
from firmware_sim.parts.ev_post import TapPost
from firmware_sim.parts.socket import PlugIn

CARD = "H10301:21:10010"
AT_POST = '{"do": "tap_post", "point": "ev-1", "tag": "{card}"}'


def test_a_card_is_tapped_and_whoever_walks_goes_through() -> None:
    button = '{"do": "tap", "reader": "gym.in", "card": "{card}"}'
    assert order_of(button, CARD, walks=True) == TapAndWalk("gym.in", CARD)
    assert order_of(button, CARD, walks=False) == Tap("gym.in", CARD)


def test_nobody_walks_through_a_socket() -> None:
    button = '{"do": "tap", "reader": "hub", "card": "{card}", "keys": "9"}'
    assert order_of(button, CARD, walks=True) == Tap("hub", CARD, "9")


def test_the_thing_in_the_hand_is_plugged_in() -> None:
    button = '{"do": "plug_in", "point": "phone-1", "what": "{thing}"}'
    assert order_of(button, CARD, "phone", walks=True) == PlugIn("phone-1", "phone")
    assert order_of(button, CARD, "a cat", walks=True) == PlugIn("phone-1", "nothing")


def test_a_post_reads_the_number_of_a_charging_card() -> None:
    assert order_of(AT_POST, "UID4:77705923", walks=True) == TapPost("ev-1", "04A1B2C3")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_post_reads_no_other_card_and_says_which(language: str) -> None:
    with pytest.raises(ControlError, match="charging cards only" if language == "en" else "充电卡"):
        order_of(AT_POST, CARD, walks=True, language=language)
