"""How full a zone is, and usually is at this hour, as everybody's telephone shows it."""

from cloud.phones.crowds import CrowdBoard
from contract.decide import DAY_MS, HOUR_MS
from tests.cloud.support.counted import CountedGym
from tests.cloud.support.pages import words
from tests.cloud.support.phones import a_phone
from tests.cloud.support.town import Town


def test_usual_hours_are_those_of_the_weekday(town: Town) -> None:
    """It is a Friday, 16:00."""
    CountedGym(town)
    now_ms = town.now_ms
    for weeks in (1, 2, 3, 4):
        for hour in (0, 0, 0, 2):
            town.now_ms = now_ms - weeks * 7 * DAY_MS + hour * HOUR_MS + 60_000
            town.happens("access.passed", direction="in", holder=town.holder("Li Si"))
            town.happens("access.passed", direction="out", holder=town.holder("Li Si"))
        town.now_ms += DAY_MS
        town.happens("access.passed", direction="in", holder=town.holder("Li Si"))
    town.now_ms = now_ms
    board: CrowdBoard = town.app.state.services[CrowdBoard]
    (gym,) = [one for one in board.crowds() if one.zone == "gym"]
    assert (gym.hours[16], gym.hours[18], sum(gym.hours)) == (3, 1, 4)
    assert (gym.bars[16], gym.hour_now) == (100, 16)


def test_page_shows_how_many_are_inside(town: Town) -> None:
    CountedGym(town).passes(bytes.fromhex(town.holder("Wang Wu")))
    with a_phone(town) as phone:
        shown = words(phone.get("/me/gym").text)
    assert "Gym 1 / 6" in shown
    assert "Wang Wu" not in shown
