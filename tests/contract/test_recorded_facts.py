"""The facts of a decision as its event carries them: what was weighed is weighed again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.codec import Malformed
from contract.decide import HOUR_MS, Facts, Grant, Mode, Request, Standing, Tier, Trust, weigh
from contract.demands import NO_DEMAND, Assurance, PinVerdict
from contract.occupancy import Whereabouts, ZoneCount
from contract.pass_verdicts import PassVerdict
from contract.quantities import Account, Accounts
from contract.recorded_facts import InUse, facts_in, pack_facts, spelled_out, unpack_facts
from contract.schedules import ALWAYS
from contract.zone_rules import PageZone
from tests.contract.decisions import CASES, Row, asked
from tests.contract.situations import NOW_MS, SHANGHAI, any_time_ms, facts_of_any_kind, grants, requests

KEPT = Path(__file__).parents[1] / "fixtures" / "facts"
ROSTER, NONE = InUse(7, bytes(range(16))), InUse(0, b"")
HOLDER = bytes(range(8))
GYM = Request("gym", bytes(16))
HERE = Grant(HOLDER, Tier.MEMBER, {"gym": ALWAYS})
CARRIED = Grant(
    HOLDER,
    Tier.GUEST,
    {"gym": ALWAYS},
    valid_from_ms=NOW_MS - HOUR_MS,
    valid_until_ms=NOW_MS + HOUR_MS,
    assurance=Assurance.SIGNED,
    carried=True,
)
FACTS = Facts(SHANGHAI, Trust.SYNCED, NOW_MS - HOUR_MS, HOUR_MS)
PHONE: dict[str, Accounts] = {"phone": {"minutes": Account(60_000, 90_000, True), "wh": Account(5)}}

GOLDEN: dict[str, tuple[Request, list[Grant], Facts, int | None]] = {
    "at-a-gate-1": (GYM, [HERE], FACTS, 120),
    "out-1": (replace(GYM, direction="out"), [], replace(FACTS, free_exit=True, can_be_held=True), 0),
    "no-roster-1": (GYM, [], replace(FACTS, clock=Trust.UNSET, clock_floor_ms=0, roster_age_ms=None), None),
    "all-that-refuses-1": (
        replace(GYM, pin=PinVerdict.BLOCKED),
        [HERE],
        replace(
            FACTS,
            clock=Trust.HOLDOVER,
            mode=Mode.LOCKDOWN,
            busy=True,
            faulted=True,
            roster_damaged=True,
            offline=True,
            interlocked=True,
            used=None,
            reserved_for=bytes(8),
        ),
        9_001,
    ),
    "at-a-socket-1": (GYM, [HERE], replace(FACTS, used=PHONE, reserved_for=HOLDER), 120),
    "at-a-turnstile-1": (
        GYM,
        [HERE],
        replace(
            FACTS,
            counted=PageZone(comfort=40, anti_passback="timed"),
            zone_count=ZoneCount(38, 2, 1, True),
            whereabouts=Whereabouts(False, NOW_MS - 60_000),
        ),
        120,
    ),
    "carried-pass-1": (replace(GYM, pass_verdict=PassVerdict.OK), [CARRIED], FACTS, 120),
    "stale-pass-1": (replace(GYM, pass_verdict=PassVerdict.STALE), [HERE], FACTS, 120),
}


def packed(request: Request, held: list[Grant], facts: Facts, now_ms: int, error_ms: int | None = 120) -> bytes:
    return pack_facts(request, held, facts, now_ms, 5, NONE if facts.roster_age_ms is None else ROSTER, error_ms)


@given(requests, st.lists(grants, max_size=3), facts_of_any_kind, any_time_ms, st.integers(0, HOUR_MS))
def test_facts_decide_as_on_the_device(
    request: Request, held: list[Grant], facts: Facts, now_ms: int, later_ms: int
) -> None:
    """Whatever was weighed, the event and the roster's page say enough to weigh it again."""
    at_ms = max(0, now_ms, facts.clock_floor_ms) + later_ms
    kept = unpack_facts(packed(request, held, facts, now_ms), at_ms)
    weighed = kept.facts(facts.zone, held, facts.demand, facts.counted)
    again = kept.request(request.point, request.digest), kept.grants(request.point, held), weighed
    assert weigh(*again, kept.now_ms) == weigh(request, held, facts, now_ms)


@given(requests, grants, facts_of_any_kind, any_time_ms, st.lists(grants, max_size=2))
def test_carried_pass_is_decided_again(
    request: Request, granted: Grant, facts: Facts, now_ms: int, held: list[Grant]
) -> None:
    """What it grants stands in no roster, and the event tells of it but not of whom; what the roster says of the same
    person is not weighed."""
    points = dict.fromkeys(granted.points, ALWAYS)
    window = granted.valid_from_ms, granted.valid_until_ms
    carried = Grant(HOLDER, Tier.RIDER, points, Standing.ACTIVE, *window, assurance=Assurance.SIGNED, carried=True)
    shown = replace(request, pass_verdict=request.pass_verdict or PassVerdict.OK)
    field = packed(shown, [carried], facts, now_ms)
    assert HOLDER not in field
    kept = unpack_facts(field, max(0, now_ms, facts.clock_floor_ms))
    weighed = kept.grants(request.point, held)
    again = kept.facts(facts.zone, weighed, facts.demand, facts.counted)
    before, after = weigh(shown, [carried], facts, now_ms), weigh(shown, weighed, again, kept.now_ms)
    assert (before.reason, before.warning) == (after.reason, after.warning)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_golden_case_is_decided_again(case: Row) -> None:
    request, grant, facts, now_ms = asked(case.get("set", {}))
    held = [] if grant is None else [grant]
    kept = unpack_facts(packed(request, held, facts, now_ms), max(now_ms, facts.clock_floor_ms))
    again = kept.facts(facts.zone, held, facts.demand, facts.counted)
    assert weigh(kept.request(request.point, request.digest), held, again, kept.now_ms).reason == case["reason"]


@pytest.mark.parametrize("name", GOLDEN)
def test_kept_facts_are_still_written_so(name: str) -> None:
    request, held, facts, error_ms = GOLDEN[name]
    kept = bytes.fromhex((KEPT / f"{name}.hex").read_text())
    assert packed(request, held, facts, NOW_MS, error_ms) == kept
    again = unpack_facts(kept, NOW_MS + 400)
    expected = replace(
        facts, clock_floor_ms=0, reserved_for=facts.reserved_for and again.facts(facts.zone, held).reserved_for
    )
    assert again.facts(facts.zone, held, counted=facts.counted) == expected
    assert (again.request("gym", GYM.digest), again.now_ms) == (request, NOW_MS)


def test_facts_at_a_gate_are_short() -> None:
    assert len(packed(GYM, [HERE], FACTS, NOW_MS)) == 20


def test_facts_of_a_zone_are_written_where_weighed() -> None:
    known = replace(FACTS, zone_count=ZoneCount(38), whereabouts=Whereabouts(True, NOW_MS))
    assert packed(GYM, [HERE], known, NOW_MS) == packed(GYM, [HERE], FACTS, NOW_MS)
    assert len(packed(GYM, [HERE], replace(known, counted=PageZone(limit=50)), NOW_MS)) <= 40


def test_facts_say_which_roster_and_since_when() -> None:
    kept = unpack_facts(packed(GYM, [HERE], FACTS, NOW_MS), NOW_MS)
    assert (kept.rule, kept.roster, kept.site_page) == (5, 7, ROSTER.site_page[:2])
    assert (kept.issued_ms, kept.floor_age_s, kept.error_s) == (NOW_MS - HOUR_MS, 3600, 1)


@pytest.mark.parametrize(("age_ms", "issued_ms"), [(None, None), (0, None), (1 << 40, None), (1, NOW_MS - 1)])
def test_issue_follows_from_an_age_written_in_full(age_ms: int | None, issued_ms: int | None) -> None:
    kept = unpack_facts(packed(GYM, [], replace(FACTS, roster_age_ms=age_ms), NOW_MS), NOW_MS)
    assert kept.issued_ms == issued_ms


def test_reserved_names_nobody() -> None:
    """The event of one person says nothing about another."""
    for_another = packed(GYM, [HERE], replace(FACTS, reserved_for=b"somebody"), NOW_MS)
    assert b"somebody" not in for_another
    kept = unpack_facts(for_another, NOW_MS).facts(FACTS.zone, [HERE])
    assert kept.reserved_for not in (b"", HOLDER)


def test_event_shows_fields_in_the_place_of_facts() -> None:
    data = {"reason": "allowed", "facts": packed(replace(GYM, direction="out"), [HERE], FACTS, NOW_MS)}
    assert spelled_out(data) == {"reason": "allowed", "direction": "out", "roster": 7, "rule": 5}


@pytest.mark.parametrize(
    "data", [{"reason": "busy"}, {"reason": "busy", "facts": b"\x09"}, {"reason": "busy", "facts": 7}]
)
def test_event_without_readable_facts_shows_the_rest(data: dict[str, object]) -> None:
    assert spelled_out(data) == {"reason": "busy"}


WHOLE = packed(GYM, [HERE], FACTS, NOW_MS)


@pytest.mark.parametrize(
    "field",
    [
        b"",
        WHOLE[:-1],
        b"\x02" + WHOLE[1:],
        WHOLE[:6] + b"\xff" + WHOLE[7:],
        WHOLE + b"\xc1",
        WHOLE + b"\x92\x00",
        "text",
    ],
)
def test_bytes_that_are_no_facts_are_malformed(field: object) -> None:
    with pytest.raises(Malformed):
        facts_in({"facts": field}, NOW_MS)


@given(st.binary(max_size=40), any_time_ms)
def test_any_bytes_are_facts_or_malformed(field: bytes, at_ms: int) -> None:
    try:
        kept = unpack_facts(field, at_ms)
    except Malformed:
        return
    weigh(kept.request("gym", GYM.digest), [HERE], kept.facts(FACTS.zone, [HERE], NO_DEMAND), kept.now_ms)
