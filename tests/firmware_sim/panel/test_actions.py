"""What a button of the panel does, with the card and the thing in the person's hand."""

import pytest

from firmware_sim.panel.actions import command_of
from firmware_sim.parts.hardware import ControlError

CARD = "H10301:21:10010"
AT_POST = '{"do": "tap_post", "point": "ev-1", "tag": "{card}"}'


def test_a_card_is_tapped_and_whoever_walks_goes_through() -> None:
    button = '{"do": "tap_and_walk", "reader": "gym.in", "card": "{card}"}'
    walked = {"do": "tap_and_walk", "reader": "gym.in", "card": CARD}
    assert command_of(button, CARD, walks=True) == walked
    assert command_of(button, CARD, walks=False) == {**walked, "do": "tap"}


def test_nobody_walks_through_a_socket() -> None:
    button = '{"do": "tap", "reader": "hub", "card": "{card}", "keys": "9"}'
    assert command_of(button, CARD, walks=True) == {"do": "tap", "reader": "hub", "card": CARD, "keys": "9"}


@pytest.mark.parametrize("do", ["tap", "tap_and_walk"])
def test_pin_is_keyed_behind_the_card(do: str) -> None:
    button = f'{{"do": "{do}", "reader": "gym.in", "card": "{{card}}"}}'
    assert command_of(button, CARD, pin="471196", walks=True)["pin"] == "471196"
    assert "pin" not in command_of(button, CARD, walks=True)
    assert "pin" not in command_of('{"do": "press", "point": "gym"}', CARD, pin="471196")


def test_text_in_the_hand_is_scanned() -> None:
    button = '{"do": "scan", "scanner": "gate.in", "text": "{text}", "walk": true}'
    scanned = {"do": "scan", "scanner": "gate.in", "text": "HG1ABC", "walk": True}
    assert command_of(button, CARD, text="HG1ABC", walks=True) == scanned
    assert command_of(button, CARD, text="HG1ABC", walks=False) == {**scanned, "walk": False}


def test_code_in_the_hand_is_keyed() -> None:
    button = '{"do": "key", "reader": "gate.in", "keys": "{code}"}'
    assert command_of(button, CARD, text="862044")["keys"] == "862044#"
    with pytest.raises(ControlError, match="code of digits"):
        command_of(button, CARD, text="HG1ABC")


def test_the_thing_in_the_hand_is_plugged_in() -> None:
    button = '{"do": "plug_in", "point": "phone-1", "what": "{thing}"}'
    plugged_in = {"do": "plug_in", "point": "phone-1", "what": "phone"}
    assert command_of(button, CARD, "phone") == plugged_in
    assert command_of(button, CARD, "a cat") == {**plugged_in, "what": "nothing"}


def test_a_post_reads_the_number_of_a_charging_card() -> None:
    assert command_of(AT_POST, "UID4:77705923")["tag"] == "04A1B2C3"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_post_reads_no_other_card_and_says_which(language: str) -> None:
    with pytest.raises(ControlError, match="charging cards only" if language == "en" else "充电卡"):
        command_of(AT_POST, CARD, language=language)


@pytest.mark.parametrize("text", ["{", "7", '"tap"', "null"])
def test_a_button_without_a_command_is_refused(text: str) -> None:
    with pytest.raises(ControlError, match="not an order"):
        command_of(text, CARD)
