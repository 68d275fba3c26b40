"""The words between an agent and its stations."""

import pytest
from msgspec.structs import replace

from contract.decide import Direction
from contract.quantities import Allotment, Quantity
from contract.reasons import TABLE, Reason
from edge.archetypes.portal import MAX_UNLOCK_MS, MIN_UNLOCK_MS, PortalSettings, not_entered, passed, passer, visited
from edge.archetypes.protocol import Decided, Persist, Record, Show, Spend, Weighed, decided, refuse
from edge.archetypes.station import Station
from edge.stations import door, turnstile
from tests.edge.support.portals import ANNA, Portal, decision


def test_decision_is_recorded_with_its_facts() -> None:
    by_rule = replace(decision(), weighed=Weighed(Reason.ALLOWED, b"facts"))
    assert decided(by_rule).data == {
        "reason": "allowed",
        "digest": (b"d" * 16).hex(),
        "facts": b"facts",
        "holder": ANNA.hex(),
    }


def test_facts_do_not_speak_for_a_station() -> None:
    """Its own reason follows from no facts that the cloud has."""
    by_station = replace(decision(reason=Reason.BUSY), weighed=Weighed(Reason.ALLOWED, b"facts"))
    assert decided(by_station).data == decided(decision(reason=Reason.BUSY)).data


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


def rationed(direction: Direction = "in", reason: Reason = Reason.ALLOWED) -> Decided:
    """Somebody whose visits to the gym are counted."""
    asked = decision(direction=direction, reason=reason)
    pool = {"gym": Allotment("yearly-gym", (Quantity(10, "visits", "month"),))}
    assert asked.decision.grant is not None
    grant = replace(asked.decision.grant, allotments=pool)
    return replace(asked, decision=replace(asked.decision, grant=grant), ticket="00000000000000a1")


def test_passage_uses_a_visit() -> None:
    visit = Spend("00000000000000a1", ANNA.hex(), "yearly-gym", {"visits": 1}, over=True)
    assert visited(passer(rationed(), "gym")) == [visit, Persist(b"")]


@pytest.mark.parametrize(
    "asked", [rationed("out"), rationed(reason=Reason.HELD_OPEN), decision()], ids=["out", "held open", "not counted"]
)
def test_other_passages_use_nothing(asked: Decided) -> None:
    assert visited(passer(asked, "gym")) == []


@pytest.mark.parametrize("kind", [door.KIND, turnstile.KIND], ids=["door", "turnstile"])
def test_portal_counts_a_visit_when_somebody_has_passed(kind: Station) -> None:
    portal = Portal(kind)
    sensor = "contact" if kind is door.KIND else "arm"
    at_home = kind is door.KIND
    portal.levels({sensor: at_home})
    assert not [effect for effect in portal.take(rationed()) if isinstance(effect, Spend)]
    effects = [*portal.edge(sensor, not at_home), *portal.edge(sensor, at_home)]
    assert [effect.used for effect in effects if isinstance(effect, Spend)] == [{"visits": 1}]


def test_door_without_contact_counts_entries() -> None:
    portal = Portal(door.KIND)
    portal.levels({})
    assert [effect for effect in portal.take(rationed()) if isinstance(effect, Spend)]
