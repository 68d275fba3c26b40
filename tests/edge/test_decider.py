"""From a card's frame to a decision."""

import logging

import pytest

from contract.credentials import encode
from contract.decide import DAY_MS, RULE_VERSION, Decision, Direction
from contract.reasons import Reason
from edge.decider import Decider
from edge.stations import Report
from firmware_sim.clock import VirtualLoop
from tests.edge.cards import ANNAS, KEY, NOW_MS, STRANGERS, Cards, LoopClock, digest
from tests.edge.portals import ANNA

QUIET = Report("rest")


class Desk:
    """A decider with its roster."""

    def __init__(self, *, has_key: bool = True) -> None:
        loop = VirtualLoop()
        self.cards = Cards("gym")
        self.decider = Decider(self.cards, LoopClock(loop), KEY if has_key else None)
        loop.close()

    def decide(
        self, bits: str, direction: Direction = "in", *, free_exit: bool = True, report: Report = QUIET
    ) -> Decision:
        found = self.decider.decide(bits, "gym", direction, free_exit=free_exit, report=report)
        assert found is not None
        return found.decision


def test_a_known_card_is_allowed_with_all_that_the_decision_rests_on() -> None:
    found = Desk().decider.decide(ANNAS, "gym", "in", free_exit=True, report=QUIET)
    assert found is not None
    assert (found.decision.reason, found.decision.grant is not None) == (Reason.ALLOWED, True)
    assert (found.digest, found.roster, found.rule, found.direction) == (digest(ANNAS), 7, RULE_VERSION, "in")


def test_a_card_nobody_enrolled_is_unknown() -> None:
    assert Desk().decide(STRANGERS).reason is Reason.UNKNOWN_CREDENTIAL


@pytest.mark.parametrize(
    "bits",
    [ANNAS[:-1], ANNAS + "0", ANNAS[:-1] + ("1" if ANNAS[-1] == "0" else "0"), "0" * 81, "1" * 500, "1", "0101"],
    ids=["25 bits", "27 bits", "bad parity", "81 bits", "500 bits", "1 bit", "a key"],
)
def test_what_is_no_valid_card_gets_no_decision(bits: str) -> None:
    assert Desk().decider.decide(bits, "gym", "in", free_exit=True, report=QUIET) is None


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
    desk.cards.issued_ms = NOW_MS - 7 * DAY_MS
    assert desk.decide(ANNAS).reason is Reason.ROSTER_STALE


@pytest.mark.parametrize(
    ("report", "reason"),
    [(Report("rest", busy=True), Reason.BUSY), (Report("jammed", faulted=True), Reason.FAULTED)],
    ids=["busy", "faulted"],
)
def test_the_stations_report_is_weighed(report: Report, reason: Reason) -> None:
    assert Desk().decide(ANNAS, report=report).reason is reason


def test_exit_is_free_only_where_the_point_says_so() -> None:
    assert Desk().decide(STRANGERS, "out").reason is Reason.FREE_EXIT
    assert Desk().decide(STRANGERS, "out", free_exit=False).reason is Reason.UNKNOWN_CREDENTIAL


@pytest.mark.parametrize(
    ("direction", "free_exit", "reason"),
    [("in", True, Reason.INTERNAL_ERROR), ("out", False, Reason.INTERNAL_ERROR), ("out", True, Reason.FREE_EXIT)],
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
