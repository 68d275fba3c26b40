"""The page, the tile and the figures of decisions that were decided again."""

import pytest

from cloud.redecide.rule import Redecided, Why
from cloud.redecide.service import RedecideService
from cloud.redecide.words import VERDICTS, WHY_NOT
from contract.reasons import Reason
from tests.cloud.support.pages import words
from tests.cloud.support.redecided import POINT, without_roster
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town


def decides(town: Town, said: Reason) -> None:
    """The gym decides about a card before it has a roster, and the cloud looks at it."""
    event = without_roster(town.now_ms, said)
    town.happens(event.kind, device=POINT, **event.data)
    RedecideService(town.store, SITE).look()


def test_difference_is_shown_with_both_reasons(town: Town) -> None:
    decides(town, Reason.NO_ROSTER)
    with town.visit("office") as office:
        assert "No device said otherwise than the rule." in words(office.get("/redecide").text)
        assert "Decided otherwise" not in words(office.get("/").text)
    decides(town, Reason.ALLOWED)
    with town.visit("office") as office:
        shown = words(office.get("/redecide").text)
        assert "2027-01-15 16:00:00 Gym turnstile Gym turnstile Welcome This device has no roster yet 0" in shown
        assert "Decided the same again 1 Decided otherwise 1" in shown
        assert "1 Decided otherwise gym-turnstile" in words(office.get("/").text)
    with town.visit("office", language="zh") as office:
        assert "重新判断，结果相同 1 判断不同 1" in words(office.get("/redecide").text)


def test_page_says_why_and_how_far(town: Town) -> None:
    town.happens("access.refused", device=POINT, reason="busy", rule=4)
    with town.visit("office") as office:
        assert "1 events have yet to be looked at." in words(office.get("/redecide").text)
        RedecideService(town.store, SITE).look()
        shown = words(office.get("/redecide").text)
    assert "Not decided again Decided by another version of the rule 1" in shown
    assert "yet to be looked at" not in shown


@pytest.mark.parametrize("said", [Reason.NO_ROSTER, Reason.ALLOWED])
def test_figures_count_by_verdict(town: Town, said: Reason) -> None:
    decides(town, said)
    figures = town.figures.text().decode()
    verdict = "same" if said is Reason.NO_ROSTER else "different"
    assert f'hearthgate_redecided_decisions_total{{verdict="{verdict}"}} 1.0' in figures
    assert 'hearthgate_redecided_decisions_total{verdict="would_allow"} 0.0' in figures
    assert "hearthgate_redecide_waiting_events 0.0" in figures


def test_every_verdict_and_reason_has_words() -> None:
    without_words = {Redecided.NOT_JUDGED, Redecided.HINDSIGHT_UNKNOWN}
    assert VERDICTS.keys() == set(Redecided) - without_words
    assert WHY_NOT.keys() == set(Why)
