"""Orders as they are written, and cards as people write them."""

import msgspec
import pytest

from contract.credentials import encode
from firmware_sim.control.commands import Fire, Tap, TapAndWalk, View, WaitMove, card_bits, read_command
from firmware_sim.parts.hardware import Command, ControlError


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ('{"do": "view"}', View()),
        ('{"do": "tap", "reader": "gym.in", "card": "H10301:21:15890"}', Tap("gym.in", "H10301:21:15890")),
        ('{"do": "tap_and_walk", "reader": "gym.in", "card": "1010"}', TapAndWalk("gym.in", "1010")),
        ('{"do": "fire", "zone": "gym", "on": false}', Fire("gym", on=False)),
        (
            '{"do": "wait_move", "name": "gym.unlock", "level": false, "timeout_ms": 100}',
            WaitMove("gym.unlock", False, timeout_ms=100),
        ),
    ],
)
def test_an_order_is_read_as_it_is_written(text: str, order: Command) -> None:
    assert read_command(text.encode()) == order
    assert read_command(msgspec.json.encode(order)) == order


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "truncated"),
        ('{"do": "explode"}', "explode"),
        ('{"do": "tap", "reader": "gym.in"}', "card"),
        ('{"do": "tap", "reader": "gym.in", "card": 7}', "Expected `str`, got `int`"),
        ('{"do": "view", "extra": 1}', "unknown field `extra`"),
        ('{"do": "wait_move", "timeout_ms": 3600000}', "<= 60000"),
        ('{"do": "walk", "point": "gym", "way": "up"}', "way"),
    ],
)
def test_what_is_no_order_is_refused_with_a_reason(text: str, complaint: str) -> None:
    with pytest.raises(ControlError, match=complaint):
        read_command(text.encode())


def test_a_card_is_written_as_its_format_facility_and_number() -> None:
    assert card_bits("H10301:21:15890") == "10001010100111110000100100"
    assert card_bits("UID4:305419896") == encode("UID4", number=305419896)
    assert card_bits("0110") == "0110"


@pytest.mark.parametrize(
    ("card", "complaint"),
    [
        ("", "write H10301:21:15890"),
        ("H99:1:2", "no card format 'H99'"),
        ("H10301:21:70000", "must be 0 to 65535"),
        ("H10301:15890", "needs a facility code"),
        ("H10301:21:x", "invalid literal"),
        ("H10301", "write H10301:21:15890"),
        ("H10301:1:2:3", "write H10301:21:15890"),
    ],
)
def test_a_card_nobody_could_hold_is_refused_with_a_reason(card: str, complaint: str) -> None:
    with pytest.raises(ControlError, match=complaint):
        card_bits(card)
