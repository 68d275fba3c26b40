"""From a card's frame to a decision."""

import logging
from collections.abc import Iterable, Mapping
from random import Random
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from contract.credentials import canonical, encode
from contract.decide import (
    DAY_MS,
    HOUR_MS,
    RULE_VERSION,
    Decision,
    Direction,
    Grant,
    Mode,
    Standing,
    Tier,
    Trust,
    weigh,
)
from contract.demands import Assurance
from contract.occupancy import Whereabouts, ZoneCount
from contract.pass_verdicts import PassVerdict
from contract.quantities import Accounts, Allotment
from contract.reasons import Reason
from contract.recorded_facts import unpack_facts
from contract.schedules import ALWAYS
from contract.zone_rules import PageZone
from edge.agent.decider import Decider
from edge.archetypes.protocol import Decided, Report
from edge.config.tables import Point
from firmware_sim.time.clock import VirtualLoop
from tests.contract.allotments import own, used
from tests.edge.support.cards import ANNAS, BENS, KEY, NOW_MS, STRANGERS, Cards, LoopClock, digest
from tests.edge.support.portals import ANNA, BEN

QUIET, SHANGHAI = Report("rest"), ZoneInfo("Asia/Shanghai")
CHARGING = own("rider-phone", 60, 100)


class Book:
    """A ledger in which everybody has used the same, and which remembers who was asked for."""

    def __init__(self) -> None:
        self.everybody: Mapping[str, Accounts] | None = {}
        self.sought: list[tuple[str, str, bool]] = []
        self.asked: list[str] = []

    def seek(self, holder: str, allotment: Allotment, *, refused: bool) -> None:
        self.sought.append((holder, allotment.name, refused))

    def used(self, holder: str, allotments: Iterable[Allotment]) -> Mapping[str, Accounts] | None:
        self.asked.append(holder)
        return self.everybody


class Inside:
    """These came into the hall this very moment."""

    def __init__(self, holders: set[bytes]) -> None:
        self._holders = holders

    def count(self, zone: str, limit: int, holder: bytes) -> ZoneCount | None:
        return ZoneCount(len(self._holders)) if zone == "hall" else None

    def whereabouts(self, zone: str, holder: bytes) -> Whereabouts | None:
        return Whereabouts(zone == "hall" and holder in self._holders, NOW_MS)

    def let_in(self, zone: str, holder: bytes) -> None:
        """Nobody follows."""

    def seek(self, zone: str) -> None:
        """There is nobody to ask."""


class Desk:
    """A decider with its roster."""

    def __init__(self, *, has_key: bool = True) -> None:
        loop = VirtualLoop()
        self.cards, self.clock, self.book = Cards("gym"), LoopClock(loop), Book()
        self.decider = Decider(
            self.cards,
            self.clock,
            KEY if has_key else None,
            points={"gym": Point("gym", "door", "hub"), "phone-1": Point("phone-1", "socket", "hub")},
            ledger=self.book,
            random_bytes=Random(7).randbytes,
        )
        loop.close()

    def of_anna(self) -> Grant:
        return self.cards.grants[digest(ANNAS)]

    def let_anna(self, **changes: object) -> None:
        self.cards.grants[digest(ANNAS)] = replace(self.of_anna(), **changes)

    def decided(self, report: Report = QUIET) -> Decided:
        return self.decider.decide(digest(ANNAS), "gym", "in", free_exit=True, report=report)

    def decide(
        self, bits: str, direction: Direction = "in", *, free_exit: bool = True, report: Report = QUIET
    ) -> Decision:
        digest = self.decider.digest_of(bits)
        assert digest is not None
        return self.decider.decide(digest, "gym", direction, free_exit=free_exit, report=report).decision


def test_a_known_card_is_allowed_with_all_that_the_decision_rests_on() -> None:
    found = Desk().decided()
    assert (found.decision.reason, found.decision.grant is not None) == (Reason.ALLOWED, True)
    assert (found.digest, found.roster, found.rule, found.direction) == (digest(ANNAS), 7, RULE_VERSION, "in")


def test_decision_carries_its_facts() -> None:
    desk = Desk()
    desk.book.everybody = {"rider-phone": used(5)}
    desk.let_anna(allotments={"gym": CHARGING})
    found = desk.decided(Report("rest", busy=True, reserved_for=ANNA.hex()))
    assert found.weighed is not None
    kept = unpack_facts(found.weighed.facts, NOW_MS)
    assert (kept.roster, kept.rule, kept.site_page) == (7, RULE_VERSION, desk.cards.site_page[:2])
    assert (kept.now_ms, kept.roster_age_ms, kept.error_s) == (NOW_MS, 0, 1)
    assert (kept.busy, kept.free_exit, kept.used) == (True, True, desk.book.everybody)
    again = kept.request("gym", found.digest), [desk.of_anna()], kept.facts(SHANGHAI, [desk.of_anna()])
    assert weigh(*again, kept.now_ms).reason is found.decision.reason is Reason.BUSY


def test_carried_pass_needs_no_roster() -> None:
    desk = Desk()
    guest = Grant(b"guestno1", Tier.GUEST, {"gym": ALWAYS}, assurance=Assurance.SIGNED, carried=True)
    for verdict, carried, reason in (
        (PassVerdict.STALE, None, Reason.PASS_STALE),
        (PassVerdict.OK, None, Reason.ALLOWED),
        (PassVerdict.OK, guest, Reason.ALLOWED),
        (PassVerdict.EXPIRED, guest, Reason.PASS_EXPIRED),
    ):
        granted = None if carried is None else [carried]
        found = desk.decider.decide(
            digest(ANNAS), "gym", "in", free_exit=True, report=QUIET, pass_verdict=verdict, granted=granted
        )
        assert (found.decision.reason, found.decision.grant) == (reason, carried or desk.of_anna())
        assert found.weighed is not None
        kept = unpack_facts(found.weighed.facts, NOW_MS)
        assert (kept.pass_verdict, kept.carried is None) == (verdict, carried is None)


def test_facts_of_a_zone_are_the_asker_s() -> None:
    desk = Desk()
    desk.cards.zones["gym"] = ("hall", PageZone(anti_passback="timed", limit=2))
    assert desk.decided().decision.reason is Reason.ZONE_AT_LIMIT
    desk.decider = Decider(desk.cards, desk.clock, KEY, counts=Inside({ANNA}))
    assert desk.decided().decision.reason is Reason.ALREADY_INSIDE
    assert desk.decide(BENS).allowed


def test_fault_of_ours_has_no_facts() -> None:
    desk = Desk()
    desk.cards.broken = True
    found = desk.decided()
    assert (found.decision.reason, found.weighed) == (Reason.INTERNAL_ERROR, None)


def test_a_card_nobody_enrolled_is_unknown() -> None:
    assert Desk().decide(STRANGERS).reason is Reason.UNKNOWN_CREDENTIAL


@pytest.mark.parametrize(
    "bits",
    [ANNAS[:-1], ANNAS + "0", ANNAS[:-1] + ("1" if ANNAS[-1] == "0" else "0"), "0" * 81, "1" * 500, "1", "0101"],
    ids=["25 bits", "27 bits", "bad parity", "81 bits", "500 bits", "1 bit", "a key"],
)
def test_what_is_no_valid_card_gets_no_decision(bits: str) -> None:
    assert Desk().decider.digest_of(bits) is None


def test_a_uid_is_one_card_whichever_way_the_reader_sends_it() -> None:
    uid = encode("UID4", number=0xD1E24D)
    wrapped = encode("H10306", facility=0xD1E24D >> 16, number=0xD1E24D & 0xFFFF)
    desk = Desk()
    desk.cards.grants[digest(uid)] = desk.cards.grants[digest(ANNAS)]
    assert desk.decide(wrapped).reason is Reason.ALLOWED


@pytest.mark.parametrize(("issued_ms", "reason"), [(None, Reason.NO_ROSTER), (NOW_MS, Reason.UNKNOWN_CREDENTIAL)])
def test_without_a_digest_key_nobody_is_known(issued_ms: int | None, reason: Reason) -> None:
    desk = Desk(has_key=False)
    desk.cards.issued_ms = issued_ms
    assert desk.decide(ANNAS).reason is reason


def test_a_roster_too_old_for_a_member_is_stale() -> None:
    desk = Desk()
    desk.cards.issued_ms = NOW_MS - 30 * DAY_MS
    assert desk.decide(ANNAS).reason is Reason.ROSTER_STALE


@pytest.mark.parametrize(
    ("report", "reason"),
    [(Report("rest", busy=True), Reason.BUSY), (Report("jammed", faulted=True), Reason.FAULTED)],
    ids=["busy", "faulted"],
)
def test_the_stations_report_is_weighed(report: Report, reason: Reason) -> None:
    assert Desk().decide(ANNAS, report=report).reason is reason


def test_way_out_with_a_card_lets_out() -> None:
    """It notes what speaks against who leaves; a free way out does not even ask."""
    assert Desk().decide(STRANGERS, "out") == Decision(Reason.FREE_EXIT)
    noted = Decision(Reason.FREE_EXIT, None, Reason.UNKNOWN_CREDENTIAL)
    assert Desk().decide(STRANGERS, "out", free_exit=False) == noted


@pytest.mark.parametrize(
    ("direction", "free_exit", "reason"),
    [("in", True, Reason.INTERNAL_ERROR), ("out", False, Reason.FREE_EXIT), ("out", True, Reason.FREE_EXIT)],
)
def test_a_fault_of_ours_lets_nobody_in_and_keeps_nobody_in(
    direction: Direction, free_exit: bool, reason: Reason, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    desk.cards.broken = True
    with caplog.at_level(logging.ERROR):
        decision = desk.decide(ANNAS, direction, free_exit=free_exit)
    assert (decision.reason, decision.allowed) == (reason, reason is Reason.FREE_EXIT)
    assert desk.decider.failures == 1
    assert "a decision at gym failed" in caplog.text
    assert ANNAS not in caplog.text
    desk.cards.broken = False
    assert desk.decide(ANNAS).allowed


def test_who_stands_on_a_damaged_page_is_refused_as_such_and_leaves_freely() -> None:
    desk = Desk()
    desk.cards.damaged = True
    assert desk.decide(ANNAS).reason is Reason.ROSTER_DAMAGED
    assert desk.decide(ANNAS, "out").reason is Reason.FREE_EXIT
    assert desk.decider.failures == 0
    desk.cards.damaged = False
    assert desk.decide(ANNAS).allowed


def test_the_grant_that_allowed_is_told() -> None:
    grant = Desk().decide(ANNAS).grant
    assert grant is not None
    assert grant.holder == ANNA


def test_a_card_of_a_line_and_its_digest_are_weighed_as_the_frame_is() -> None:
    desk = Desk()
    card = canonical(ANNAS)
    assert card is not None
    assert desk.decider.digest_of_card(card) == desk.decider.digest_of(ANNAS) == digest(ANNAS)
    frame = desk.decider.digest_of(ANNAS) or b""
    by_frame, by_digest = desk.decider.decide(frame, "gym", "in", free_exit=True, report=QUIET), desk.decided()
    assert by_digest == replace(by_frame, ticket=by_digest.ticket)


def test_every_decision_has_a_ticket_of_its_own() -> None:
    desk = Desk()
    tickets = [desk.decided().ticket for _ in range(20)]
    assert len(set(tickets)) == 20
    assert {len(bytes.fromhex(ticket)) for ticket in tickets} == {8}


def test_a_decision_knows_the_time_of_day_of_its_site() -> None:
    desk, socket = Desk(), Report("free", offline_limit_ms=HOUR_MS)
    assert desk.decided(socket).minute == 16 * 60, "08:00 UTC in Shanghai"
    assert desk.decided().minute is None, "at a door nobody asks"
    desk.clock.trust = Trust.UNSET
    assert desk.decided(socket).minute is None
    desk.clock.trust, desk.cards.zone = Trust.HOLDOVER, None
    assert desk.decided(socket).minute is None


def test_what_the_holder_has_used_today_is_weighed_where_it_is_rationed() -> None:
    desk = Desk()
    desk.let_anna(allotments={"gym": CHARGING})
    assert desk.decide(ANNAS).reason is Reason.ALLOWED
    desk.book.everybody = {"rider-phone": used(HOUR_MS)}
    assert desk.decide(ANNAS).reason is Reason.QUOTA_SPENT
    desk.book.everybody = {"rider-ebike": used(HOUR_MS)}
    assert desk.decide(ANNAS).reason is Reason.ALLOWED
    desk.book.everybody = None
    assert desk.decide(ANNAS).reason is Reason.USAGE_UNKNOWN
    assert desk.decide(BENS).reason is Reason.ALLOWED
    assert desk.book.asked == [ANNA.hex()] * 4, "nobody else's use is of interest"
    sought = [(ANNA.hex(), "rider-phone", refused) for refused in (False, True, False)]
    assert desk.book.sought == sought, "where nobody knows, nothing is asked for"


def test_without_a_ledger_nobody_knows_what_was_used() -> None:
    desk = Desk()
    desk.let_anna(allotments={"gym": CHARGING})
    bare = Decider(desk.cards, desk.clock, KEY)
    found = [bare.decide(digest(bits), "gym", "in", free_exit=True, report=QUIET) for bits in (ANNAS, BENS)]
    assert [one.decision.reason for one in found] == [Reason.USAGE_UNKNOWN, Reason.ALLOWED]


def test_of_a_card_with_two_holders_nobody_knows_whose_use_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.let_anna(allotments={"gym": CHARGING})
    both = [desk.of_anna(), replace(desk.of_anna(), holder=BEN)]
    monkeypatch.setattr(desk.cards, "find", lambda digest: both)
    assert desk.decide(ANNAS).reason is Reason.USAGE_UNKNOWN


def test_a_point_with_a_limit_begins_nothing_once_the_cloud_was_not_heard_for_so_long() -> None:
    desk = Desk()
    socket = Report("free", offline_limit_ms=12 * HOUR_MS)
    desk.clock.last_contact_ms = NOW_MS - 12 * HOUR_MS + 1
    assert desk.decide(ANNAS, report=socket).reason is Reason.ALLOWED
    desk.clock.last_contact_ms -= 1
    assert desk.decide(ANNAS, report=socket).reason is Reason.OFFLINE_TOO_LONG
    assert desk.decide(ANNAS).reason is Reason.ALLOWED, "a door has no such limit"


def test_a_reserved_point_is_for_one_holder() -> None:
    desk = Desk()
    kept = Report("free", reserved_for=ANNA.hex())
    assert [desk.decide(bits, report=kept).reason for bits in (ANNAS, BENS)] == [Reason.ALLOWED, Reason.RESERVED]


def test_a_point_is_told_that_somebody_stands_there_who_may_clear_its_faults() -> None:
    desk, broken = Desk(), Report("faulted", faulted=True)
    assert desk.decided(broken).resets is False
    desk.let_anna(resets=frozenset({"gym", "hub"}))
    assert (desk.decided(broken).decision.reason, desk.decided(broken).resets) == (Reason.FAULTED, True)
    assert desk.decider.may_reset(digest(ANNAS), "gym") == ANNA
    desk.let_anna(resets=frozenset({"gym"}))
    assert desk.decided(broken).resets is False, "in another zone"


@pytest.mark.parametrize(
    "changes",
    [{"standing": Standing.LOST}, {"standing": Standing.SUSPENDED}, {"valid_until_ms": NOW_MS}],
    ids=["lost", "suspended", "ended"],
)
def test_a_card_that_opens_nothing_any_more_resets_nothing(changes: dict[str, object]) -> None:
    desk = Desk()
    desk.let_anna(resets=frozenset({"hub"}))
    assert desk.decided().resets is True
    desk.let_anna(**changes)
    assert desk.decided().resets is False
    assert desk.decider.may_reset(digest(ANNAS), "hub") is None


@pytest.mark.parametrize(
    ("point", "reason"),
    [("gym", Reason.HELD_OPEN), ("phone-1", Reason.UNKNOWN_CREDENTIAL), ("elsewhere", Reason.UNKNOWN_CREDENTIAL)],
)
def test_only_a_door_is_free_in_hold_open(point: str, reason: Reason) -> None:
    """Whatever mode a socket was brought into, it gives nothing to a card that nobody knows."""
    decided = Desk().decider.decide(bytes(16), point, "in", free_exit=True, report=QUIET, mode=Mode.HOLD_OPEN)
    assert decided.decision.reason is reason
