"""Why the rule answers somebody as it does: asked on their page, beside a refusal, by a call."""

from typing import Any

import pytest
from sqlalchemy import select

from cloud.commands.rule import DesiredState
from cloud.commands.store import note_reported, put_desired
from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events
from cloud.explain.facts import FactSource
from cloud.explain.grants import granted_now
from cloud.explain.why import Explained, WhyService
from cloud.people.issue import make_draft, store_draft
from cloud.people.rosters import newest_roster
from cloud.people.tables import credentials
from cloud.store.schema import people
from contract.decide import DAY_MS, HOUR_MS, RULE_VERSION, Facts, Mode, Request, Standing, Trust
from contract.explain import ORDER
from contract.messages import Reported
from contract.occupancy import ZoneCount
from contract.reasons import Reason
from contract.recorded_facts import InUse, pack_facts
from contract.roster import PAGE_VERSIONS
from tests.cloud.support.counted import CountedGym
from tests.cloud.support.pages import words
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import NOW_MS, Town

GYM, GATE = "gym-turnstile", "east-gate"


def digest_of(town: Town, name: str) -> bytes:
    query = select(credentials.c.digest).join(people, people.c.id == credentials.c.person_id)
    with town.store.reading() as connection:
        return bytes(connection.execute(query.where(people.c.name_en == name)).scalars().first() or b"")


def why(town: Town, name: str, point: str = GYM, at_ms: int | None = None) -> Explained:
    return WhyService(town.store, town.clock).why(digest_of(town, name), point, at_ms)


def publish(town: Town) -> int:
    """The next roster, as the publisher makes and stores it; returns its number."""
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE devices SET page_version = ?", (PAGE_VERSIONS[-1],))
        draft = make_draft(connection, SITE, None, town.now_ms, whole=True)
        return store_draft(connection, SITE, draft, None, 1, town.now_ms).number


def refused(town: Town, name: str, reason: str, **data: Any) -> None:
    digest = digest_of(town, name).hex()
    town.happens("access.refused", reason=reason, holder=town.holder(name), digest=digest, direction="in", **data)


@pytest.mark.parametrize(
    ("name", "point", "reason", "stopped_at"),
    [
        ("Li Si", GYM, Reason.ALLOWED, None),
        ("Wang Wu", GYM, Reason.EXPIRED, "window"),
        ("Zhao Liu", GYM, Reason.SUSPENDED, "standing"),
        ("Wu Jiu", GATE, Reason.REPORTED_LOST, "standing"),
        ("Li Xiaowu", GYM, Reason.NOT_ENTITLED, "entitled"),
        ("Li Xiaowu", GATE, Reason.ALLOWED, None),
    ],
)
def test_walk_stops_where_the_rule_does(
    town: Town, name: str, point: str, reason: Reason, stopped_at: str | None
) -> None:
    found = why(town, name, point)
    assert found.explanation.decision.reason is reason
    assert (found.first.stop.check if found.first.stop else None) == stopped_at
    assert [step.check for step in found.first.steps] == list(ORDER)


def test_card_that_nobody_has_is_explained_too(town: Town) -> None:
    found = WhyService(town.store, town.clock).why(b"\x07" * 16, GYM)
    assert found.explanation.decision.reason is Reason.UNKNOWN_CREDENTIAL
    assert found.card is None


def test_past_is_weighed_by_the_roster_of_then(town: Town) -> None:
    """The membership was suspended meanwhile: then it was not, and the roster of then still says so."""
    publish(town)
    town.now_ms += HOUR_MS
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE memberships SET standing = 'suspended'")
    then, now = why(town, "Li Si", at_ms=NOW_MS + 1), why(town, "Li Si")
    assert (then.explanation.decision.reason, then.today) == (Reason.ALLOWED, Reason.SUSPENDED)
    assert (then.basis.roster, then.basis.as_then) == (1, True)
    assert (now.explanation.decision.reason, now.basis.roster) == (Reason.SUSPENDED, None)


def test_past_without_its_roster_says_so(town: Town) -> None:
    found = why(town, "Li Si", at_ms=NOW_MS - DAY_MS)
    assert (found.basis.roster, found.basis.as_then) == (None, False)


def test_mode_is_that_of_the_asked_moment(town: Town) -> None:
    town.happens("turnstile.mode", at_ms=NOW_MS - 2 * HOUR_MS, mode="lockdown", number=1)
    town.happens("turnstile.mode", at_ms=NOW_MS - HOUR_MS, mode="scheduled", number=2)
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE points SET kind = 'turnstile' WHERE name = ?", (GYM,))
    reasons = [why(town, "Li Si", at_ms=NOW_MS - ago * HOUR_MS).explanation.decision.reason for ago in (3, 2, 1)]
    assert reasons == [Reason.ALLOWED, Reason.LOCKED_DOWN, Reason.ALLOWED]


def test_facts_say_who_told_them(town: Town) -> None:
    """What the device reports is reported, what nobody knows is assumed."""
    before = {one.name: one.source.value for one in why(town, "Li Si").facts}
    town.beats(GYM)
    after = {one.name: one.source.value for one in why(town, "Li Si").facts}
    assert before["clock"] == "assumed"
    assert after["clock"] == "reported"
    assert after["busy"] == "assumed"


def test_mode_of_now_is_no_more_than_known(town: Town) -> None:
    """What was ordered and not reported is assumed, and a lockdown of a device that is away ends by itself."""
    with town.store.writing() as connection:
        put_desired(connection, DesiredState(GYM, 1, NOW_MS, {GYM: Mode.LOCKDOWN}, None))
    assert mode_now(town) == (Mode.LOCKDOWN, FactSource.ASSUMED)
    with town.store.writing() as connection:
        note_reported(connection, GYM, Reported(1, "applied", NOW_MS, {GYM: Mode.LOCKDOWN}))
    assert mode_now(town) == (Mode.LOCKDOWN, FactSource.REPORTED)
    town.now_ms += 4 * HOUR_MS
    assert mode_now(town) == (Mode.SCHEDULED, FactSource.REPORTED)


def mode_now(town: Town) -> tuple[object, FactSource]:
    return next((one.value, one.source) for one in why(town, "Li Si").facts if one.name == "mode")


def test_resident_is_told_why_at_the_desk(town: Town) -> None:
    """The clerk opens the page, chooses the gym, and reads the sentence aloud; so in Chinese."""
    with town.visit("office") as staff:
        assert 'action="/people/7/why"' in staff.get("/people/7").text
        said = words(staff.get("/people/7/why?point=gym-turnstile").text)
    assert "Refused at Gym turnstile: This membership has ended. Renew it at the property office" in said
    assert "The rule stopped at this check: Days of the membership, for the plan Yearly member." in said
    assert "What would change it: It is renewed: it ended at 2026-12-31 16:00." in said
    with town.visit("office", language="zh") as staff:
        said = words(staff.get("/people/7/why?point=gym-turnstile").text)
    assert "健身房闸机 拒绝：会员资格已到期。" in said
    assert "怎样才会改变：续期" in said


def test_every_refusal_leads_to_its_reason(town: Town) -> None:
    refused(town, "Wang Wu", "expired")
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    with town.visit("office") as staff:
        page = staff.get("/events").text
        assert page.count(">Why?</a>") == 1
        said = words(staff.get("/events/1/why").text)
        no_decision = staff.get("/events/2/why")
        assert (no_decision.status_code, "there is nothing to explain" in no_decision.text) == (404, True)
        assert staff.get("/events/99/why").status_code == 404
    assert "At 2027-01-15 16:00:00 the device said: This membership has ended." in said
    assert "Grants: those of today." in said
    assert "Wang Wu" in said


def test_guard_reads_no_plan_beside_a_refusal(town: Town) -> None:
    refused(town, "Wang Wu", "expired")
    with town.visit("gate") as guard:
        said = words(guard.get("/events/1/why").text)
        told = guard.get("/api/v1/events/1/why").json()
        assert guard.get("/people/7/why").status_code == 403
    assert "The rule stopped at this check: Days of the membership." in said
    assert "Yearly" not in said
    assert "2026-12-31" not in said
    assert (told["reason"], told["stopped_at"], told["walks"], told["change"]) == ("expired", "window", [], "")
    assert "Yearly" not in " ".join(told["text"])


def test_guard_gives_a_purpose_for_another_day(town: Town) -> None:
    refused(town, "Wang Wu", "expired", at_ms=NOW_MS - DAY_MS)
    with town.visit("gate") as guard:
        assert guard.get("/events/1/why").headers["location"] == "/events/1/look"
        assert guard.get("/api/v1/events/1/why").status_code == 403


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("point=gym-turnstile&at=yesterday", "Say the day and the time"),
        ("point=gym-turnstile&at=2027-01-16T00:00", "That time has not come yet."),
        ("point=gym-turnstyle", "There is no such point: gym-turnstyle; there is gym-turnstile and "),
        ("point=%2A", "There is no such point: *; there is east-gate, "),
    ],
)
def test_question_that_cannot_be_answered_says_why(town: Town, query: str, said: str) -> None:
    with town.visit("office") as staff:
        assert said in staff.get(f"/people/5/why?{query}").text


def test_call_walks_the_whole_order(town: Town) -> None:
    with town.visit("auditor") as auditor:
        told = auditor.get("/api/v1/people/7/why", params={"point": GYM}).json()
        assert auditor.get("/api/v1/people/7/why", params={"point": GYM, "card": 1}).status_code == 404
        assert auditor.get("/api/v1/people/4711/why", params={"point": GYM}).status_code == 404
    assert (told["allow"], told["reason"], told["stopped_at"]) == (False, "expired", "window")
    assert [step["check"] for step in told["walks"][0]["steps"]] == list(ORDER)
    assert {one["name"]: one["source"] for one in told["facts"]}["mode"] == "assumed"


def test_suspended_card_is_told_from_the_membership(town: Town) -> None:
    with town.store.writing() as connection:
        connection.execute(credentials.update().values(standing=Standing.SUSPENDED))
    assert why(town, "Li Si", GATE).explanation.decision.reason is Reason.SUSPENDED


def test_full_zone_is_told_with_its_count(town: Town) -> None:
    gym = CountedGym(town, capacity=6)
    gym.counters.correct("gate", "gym", 6)
    found = why(town, "Li Si")
    assert found.explanation.decision.reason is Reason.ZONE_FULL
    assert [(one.value, one.source) for one in found.facts if one.name == "inside"] == [(6, FactSource.KNOWN)]
    gym.counters.correct("gate", "gym", 5)
    assert why(town, "Li Si").explanation.decision.reason is Reason.ALLOWED


def test_who_is_inside_may_not_enter_again(town: Town) -> None:
    gym = CountedGym(town, limit=None, capacity=None)
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE zones SET anti_passback = 'timed' WHERE name = 'gym'")
    gym.passes(bytes.fromhex(town.holder("Li Si")))
    assert why(town, "Li Si").explanation.decision.reason is Reason.ALREADY_INSIDE
    town.now_ms += 4 * 60_000
    assert why(town, "Li Si").explanation.decision.reason is Reason.ALLOWED


def test_recorded_full_zone_is_explained_as_then(town: Town) -> None:
    """The device has written down how many were inside; today there is room."""
    CountedGym(town, capacity=6)
    number = publish(town)
    digest, count = digest_of(town, "Li Si"), ZoneCount(6, 0, 0, is_fresh=True)
    with town.store.reading() as connection:
        granted = granted_now(connection, digest, GYM, town.now_ms)
        roster = newest_roster(connection)
    assert roster
    facts = Facts(granted.zone, Trust.SYNCED, 0, 0, counted=granted.counted, zone_count=count)
    in_use = InUse(number, roster.site_pages[PAGE_VERSIONS[-1]])
    field = pack_facts(Request(GYM, digest), granted.grants, facts, town.now_ms, RULE_VERSION, in_use, 0)
    refused(town, "Li Si", "zone_full", facts=field)
    with town.store.reading() as connection:
        (event,) = list_events(connection, EventFilter(reason="zone_full"), limit=1).rows
    found = WhyService(town.store, town.clock).why_event(event)
    assert (found.recorded, found.explanation.decision.reason) == ("zone_full", Reason.ZONE_FULL)
    assert found.today is Reason.ALLOWED
