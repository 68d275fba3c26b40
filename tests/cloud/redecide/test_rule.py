"""Deciding again: by the roster that the device had, and by the one that the cloud had by then."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from cloud.redecide.rule import Held, Issue, Judgement, Redecided, Why, judge
from contract.decide import HOUR_MS, RULE_VERSION, Facts, Grant, Mode, Request, Standing, Tier, Trust
from contract.events import Event
from contract.reasons import TABLE, Reason
from contract.recorded_facts import InUse
from contract.schedules import ALWAYS
from tests.cloud.support.redecided import decision_event
from tests.contract.allotments import own, used
from tests.contract.situations import NOW_MS, SHANGHAI, any_time_ms, facts_of_any_kind, grants, requests

ROSTER = InUse(7, bytes(range(16)))
GYM = Request("gym", b"d" * 16)
MEMBER = Grant(b"somebody", Tier.MEMBER, {"gym": ALWAYS})
FACTS = Facts(SHANGHAI, Trust.SYNCED, NOW_MS - HOUR_MS, HOUR_MS)


class Rosters:
    """Some rosters, each by its number with when it was issued and what it says of the credential in each form that
    devices may have of it."""

    def __init__(self, **rosters: tuple[int, Sequence[Held] | Why]) -> None:
        self._rosters = {int(number[1:]): one for number, one in rosters.items()}

    def issue(self, number: int) -> Issue | None:
        return Issue(number, self._rosters[number][0]) if number in self._rosters else None

    def issued_by(self, at_ms: int) -> Issue | None:
        issued = [Issue(number, since_ms) for number, (since_ms, _) in self._rosters.items() if since_ms <= at_ms]
        return max(issued, default=None)

    def held(self, number: int, site_page: bytes, point: str, digest: bytes) -> Sequence[Held] | Why:
        assert (site_page, digest) == (ROSTER.site_page[:2], GYM.digest)
        return self._rosters[number][1]

    def newest_held(self, number: int, point: str, digest: bytes) -> Held | Why:
        held = self._rosters[number][1]
        return held if isinstance(held, Why) else held[0]


def one(*held: Grant) -> Sequence[Held]:
    return [Held(SHANGHAI, held)]


AT_GYM = Rosters(_7=(NOW_MS - HOUR_MS, one(MEMBER)))


def told(said: Reason | None = None, rule: int = RULE_VERSION, request: Request = GYM, **facts: object) -> Event:
    """What a device tells of the member at the gym."""
    return decision_event(request, [MEMBER], replace(FACTS, **facts), NOW_MS, ROSTER, reason=said, rule=rule)


@given(requests, st.lists(grants, max_size=3), facts_of_any_kind, any_time_ms)
def test_decision_is_decided_the_same_again(request: Request, held: list[Grant], facts: Facts, now_ms: int) -> None:
    """Whoever asked what, and however it was answered: the event and the roster lead to the same reason."""
    assume(facts.roster_age_ms is not None or not held)
    request = replace(request, digest=GYM.digest)
    issued_ms = max(0, now_ms, facts.clock_floor_ms) - max(0, facts.roster_age_ms or 0)
    archive = Rosters(_7=(issued_ms, [Held(facts.zone, held, facts.demand)]))
    readable = [] if facts.roster_damaged else held
    event = decision_event(request, readable, facts, now_ms, ROSTER)
    judgement = judge(event, archive)
    assert (judgement.verdict, judgement.ours) == (Redecided.SAME, event.data["reason"])


@pytest.mark.parametrize("said", [reason for reason in Reason if reason is not Reason.ALLOWED])
def test_any_other_reason_is_a_difference(said: Reason) -> None:
    judgement = judge(told(said), AT_GYM)
    assert (judgement.verdict, judgement.said, judgement.ours) == (Redecided.DIFFERENT, said, Reason.ALLOWED)
    assert (judgement.roster, judgement.rule) == (7, RULE_VERSION)


def without(event: Event, *fields: str, **instead: object) -> Event:
    data = {name: value for name, value in event.data.items() if name not in fields}
    return replace(event, data=data | instead)


BY_ITSELF = without(told(Reason.BUSY), "facts", rule=RULE_VERSION, roster=7)


@pytest.mark.parametrize(
    ("event", "archive", "why"),
    [
        (told(rule=RULE_VERSION - 1), AT_GYM, Why.OTHER_RULE),
        (told(rule=RULE_VERSION + 1), AT_GYM, Why.OTHER_RULE),
        (without(told(), "facts", rule=4, roster=7), AT_GYM, Why.OTHER_RULE),
        (without(told(), "facts"), AT_GYM, Why.OTHER_RULE),
        (BY_ITSELF, AT_GYM, Why.STATION),
        (without(BY_ITSELF, reason="internal_error"), AT_GYM, Why.DEVICE_FAULT),
        (without(told(), "digest"), AT_GYM, Why.ERASED),
        (without(told(), digest="no digits"), AT_GYM, Why.UNREADABLE),
        (without(told(), digest=7), AT_GYM, Why.UNREADABLE),
        (without(told(), digest="ab"), AT_GYM, Why.UNREADABLE),
        (without(told(), facts=b"?"), AT_GYM, Why.UNREADABLE),
        (told(), Rosters(), Why.ROSTER_GONE),
        (told(), Rosters(_7=(NOW_MS, Why.ROSTER_GONE)), Why.OTHER_ROSTER),
        (told(), Rosters(_7=(NOW_MS - HOUR_MS, Why.UNREADABLE)), Why.UNREADABLE),
    ],
)
def test_what_cannot_be_weighed_says_why(event: Event, archive: Rosters, why: Why) -> None:
    judgement = judge(event, archive)
    assert (judgement.verdict, judgement.why, judgement.ours) == (Redecided.NOT_JUDGED, why, None)


def test_without_a_digest_key_nobody_is_known() -> None:
    nobody = decision_event(replace(GYM, digest=b""), [], FACTS, NOW_MS, ROSTER)
    nameless = Rosters(_7=(NOW_MS - HOUR_MS, one()))
    nameless.held = lambda *_: one()  # type: ignore[method-assign]
    assert judge(nobody, nameless).ours is Reason.UNKNOWN_CREDENTIAL


def test_roster_may_read_in_two_ways() -> None:
    """Devices of two versions share a site page and not the rows: what either of them says is no difference."""
    barred = replace(MEMBER, standing=Standing.BARRED)
    both = Rosters(_7=(NOW_MS - HOUR_MS, [*one(barred), *one()]))
    for said in (Reason.BARRED, Reason.UNKNOWN_CREDENTIAL):
        assert judge(told(said), both).verdict is Redecided.SAME
    assert judge(told(), both).ours is Reason.BARRED


def hindsight(newer: Sequence[Held] | Why, event: Event | None = None, since_ms: int = NOW_MS - 1) -> Judgement:
    """The gym has roster 7, and the cloud has issued 8."""
    archive = Rosters(_7=(NOW_MS - HOUR_MS, one(MEMBER)), _8=(since_ms, newer))
    return judge(told() if event is None else event, archive)


LOST, RATIONED = replace(MEMBER, standing=Standing.LOST), replace(MEMBER, allotments={"gym": own("gym", 60, 100)})


@pytest.mark.parametrize(
    ("newer", "event", "verdict", "why"),
    [
        (one(LOST), told(), Redecided.WOULD_REFUSE, None),
        (one(MEMBER), told(), Redecided.HINDSIGHT_SAME, None),
        (one(LOST), told(mode=Mode.LOCKDOWN), Redecided.HINDSIGHT_SAME, None),
        (one(LOST), told(clock=Trust.UNSET), Redecided.HINDSIGHT_UNKNOWN, Why.CLOCK_UNSET),
        (Why.UNREADABLE, told(), Redecided.HINDSIGHT_UNKNOWN, Why.UNREADABLE),
        (one(RATIONED), told(), Redecided.HINDSIGHT_UNKNOWN, Why.USE_UNKNOWN),
        (one(RATIONED), told(used={"gym": used()}), Redecided.HINDSIGHT_SAME, None),
    ],
)
def test_hindsight_asks_the_roster_of_then(
    newer: Sequence[Held] | Why, event: Event, verdict: Redecided, why: Why | None
) -> None:
    judgement = hindsight(newer, event)
    assert (judgement.verdict, judgement.hindsight, judgement.hindsight_why) == (Redecided.SAME, verdict, why)


def test_roster_of_later_does_not_count() -> None:
    assert hindsight(one(LOST), since_ms=NOW_MS + 1).hindsight is Redecided.HINDSIGHT_SAME


def test_refused_guest_would_have_been_let_in() -> None:
    """Their pass was on its way to the door."""
    archive = Rosters(_7=(NOW_MS - HOUR_MS, one()), _8=(NOW_MS - 1, one(MEMBER)))
    judgement = judge(decision_event(GYM, [], FACTS, NOW_MS, ROSTER), archive)
    assert judgement.ours is Reason.UNKNOWN_CREDENTIAL
    assert judgement.hindsight is Redecided.WOULD_ALLOW
    assert TABLE[Reason.ALLOWED].allows
