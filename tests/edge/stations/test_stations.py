"""The words between an agent and its stations."""

import pytest

from contract.reasons import TABLE, Reason
from edge.archetypes.portal import MAX_UNLOCK_MS, MIN_UNLOCK_MS, PortalSettings, not_entered, passed, passer
from edge.archetypes.protocol import Record, Show, decided, refuse
from tests.edge.support.portals import ANNA, decision


def test_an_allowed_badge_is_recorded_with_what_it_rests_on() -> None:
    record = decided(decision())
    assert record.kind == "access.allowed"
    assert record.data == {
        "reason": "allowed",
        "direction": "in",
        "digest": (b"d" * 16).hex(),
        "roster": 7,
        "rule": 1,
        "holder": ANNA.hex(),
    }


@pytest.mark.parametrize("reason", [reason for reason in Reason if not TABLE[reason].allows])
def test_a_refusal_is_recorded_and_shown_by_its_reason(reason: Reason) -> None:
    record, shown = refuse(decision(reason=reason))
    assert isinstance(record, Record)
    assert (record.kind, record.data["reason"]) == ("access.refused", reason.value)
    assert shown == Show("red", reason.value)


def test_an_unknown_card_has_no_holder() -> None:
    unknown = decision(None, reason=Reason.UNKNOWN_CREDENTIAL)
    assert "holder" not in decided(unknown).data
    assert passer(unknown).holder == ""


def test_a_passage_names_the_holder_and_the_way() -> None:
    who = passer(decision(direction="out"))
    assert passed(who) == Record("access.passed", {"holder": ANNA.hex(), "direction": "out"})
    assert not_entered(who) == Record("access.not_entered", {"holder": ANNA.hex(), "direction": "out"})


@pytest.mark.parametrize("unlock_ms", [MIN_UNLOCK_MS, MAX_UNLOCK_MS])
def test_an_unlock_time_within_its_bounds_is_fine(unlock_ms: int) -> None:
    assert PortalSettings(unlock_ms).unlock_ms == unlock_ms


@pytest.mark.parametrize("unlock_ms", [0, MIN_UNLOCK_MS - 1, MAX_UNLOCK_MS + 1])
def test_an_unlock_time_too_short_for_a_person_or_too_long_for_a_lease_is_refused(unlock_ms: int) -> None:
    with pytest.raises(ValueError, match="unlock_ms lies between 3000 and 59000"):
        PortalSettings(unlock_ms)
