"""Bars: their length, the second operator, and the forms of telephones and plates."""

import pytest
from msgspec import structs

from cloud.bars.rule import (
    Bar,
    BarGround,
    BarRefusal,
    BarState,
    clean_phone,
    clean_plate,
    refusal_of_confirmation,
    refusal_of_window,
)
from contract.decide import DAY_MS

NOW_MS = 1_800_000_000_000
BAR = Bar(1, 5, None, "", BarGround.THEFT, NOW_MS, NOW_MS + DAY_MS, "lin", NOW_MS)


def test_bar_counts_once_confirmed_until_it_ends() -> None:
    confirmed = structs.replace(BAR, confirmed_by="wu", confirmed_ms=NOW_MS)
    assert (BAR.state(NOW_MS), confirmed.state(NOW_MS)) == (BarState.ENTERED, BarState.IN_FORCE)
    assert confirmed.state(BAR.until_ms) is BarState.ENDED
    assert structs.replace(confirmed, lifted_ms=NOW_MS).state(NOW_MS) is BarState.LIFTED


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "reason"),
    [
        (NOW_MS, NOW_MS + 90 * DAY_MS, None),
        (NOW_MS, NOW_MS + 90 * DAY_MS + 1, BarRefusal.TOO_LONG),
        (NOW_MS, NOW_MS, BarRefusal.ENDS_EARLY),
        (NOW_MS - 5, NOW_MS - 1, BarRefusal.ENDS_EARLY),
    ],
)
def test_bar_lasts_90_days_at_most(from_ms: int, until_ms: int, reason: BarRefusal | None) -> None:
    assert refusal_of_window(from_ms, until_ms, NOW_MS) is reason


def test_second_operator_is_another() -> None:
    assert refusal_of_confirmation(BAR, "lin", NOW_MS) is BarRefusal.ONE_PERSON
    assert refusal_of_confirmation(BAR, "wu", NOW_MS) is None
    assert refusal_of_confirmation(BAR, "wu", BAR.until_ms) is BarRefusal.NOT_OPEN


@pytest.mark.parametrize("text", ["138 0013 8000", "+86 138-0013-8000", "8613800138000"])
def test_telephone_has_one_form(text: str) -> None:
    assert clean_phone(text) == "13800138000"


@pytest.mark.parametrize("text", ["", "12", "a telephone", "1" * 16])
def test_what_is_no_telephone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="telephone"):
        clean_phone(text)


@pytest.mark.parametrize(("text", "plate"), [("沪a·12O45", "沪A12045"), ("沪AD1234I", "沪AD12341")])
def test_plate_has_one_form(text: str, plate: str) -> None:
    assert clean_plate(text) == plate


@pytest.mark.parametrize("text", ["", "沪A1", "沪A/12345", "沪A1234567890"])
def test_what_is_no_plate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="plate"):
        clean_plate(text)
