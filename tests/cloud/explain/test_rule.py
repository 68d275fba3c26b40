"""What rows of a journal say of who or what opened a point."""

from typing import Any

import pytest

from cloud.explain.rule import (
    AROUND_MS,
    Account,
    Answer,
    Cause,
    GapReason,
    Happened,
    RecordGap,
    account_of,
    answer,
    holes,
    undated,
)

NIGHT_MS = 1_800_000_000_000
"""03:12 at the west gate."""
LI_SI, CARD = "00000000000000aa", "ab" * 16


def night(*rows: tuple[str, dict[str, Any]], every_ms: int = 1_000) -> list[Happened]:
    """Rows of one journal, a second apart. What only a device records stands without a point."""
    return [
        Happened(
            seq,
            seq,
            kind,
            NIGHT_MS + (seq - 1) * every_ms,
            NIGHT_MS + (seq - 1) * every_ms,
            data,
            "" if kind.startswith(("device.", "emergency.", "journal.")) else "west",
        )
        for seq, (kind, data) in enumerate(rows, 1)
    ]


def told(*rows: tuple[str, dict[str, Any]]) -> Answer:
    return answer([account_of(night(*rows), "west", "estate")], [], NIGHT_MS, NIGHT_MS)


def allowed(reason: str = "allowed", **data: str) -> tuple[str, dict[str, Any]]:
    return "access.allowed", {"reason": reason, "direction": "in", "holder": LI_SI, "digest": CARD, **data}


PASSED = "access.passed", {"holder": LI_SI, "direction": "in"}
FIRE = {"zone": "estate", "cause": "fire"}


@pytest.mark.parametrize(
    ("rows", "cause", "passed"),
    [
        ([allowed()], Cause.CARD, None),
        ([allowed(), PASSED], Cause.CARD, True),
        ([allowed(), ("access.not_entered", PASSED[1])], Cause.CARD, False),
        ([allowed("override"), PASSED], Cause.OVERRIDE, True),
        ([allowed("free_exit", direction="out")], Cause.EXIT_CARD, None),
        ([("command.done", {"op": "open_once", "by": "gate", "reason": "parcel"})], Cause.REMOTE, None),
        ([("command.done", {"op": "open_once", "by": "gate"}), ("access.passed", {"holder": ""})], Cause.REMOTE, True),
        ([("door.exit_button", {})], Cause.EXIT_BUTTON, None),
        ([("door.exit_button", {}), ("door.exited", {})], Cause.EXIT_BUTTON, True),
        ([("turnstile.exited", {})], Cause.EXIT, True),
        ([("emergency.began", FIRE)], Cause.EMERGENCY, None),
        ([("door.hard_release", {"active": True})], Cause.RELEASED, None),
        ([("door.mode", {"mode": "hold_open", "number": 3})], Cause.HELD_OPEN, None),
        ([("door.forced", {})], Cause.FORCED, None),
        ([("door.tailgated", {})], Cause.FOLLOWED, True),
        ([PASSED], Cause.UNKNOWN, True),
        ([("door.held", {"open_ms": 31_000})], Cause.UNKNOWN, None),
    ],
)
def test_every_cause_is_told_apart(rows: list[Any], cause: Cause, passed: bool | None) -> None:
    (only,) = told(*rows).openings
    assert (only.cause, only.passed) == (cause, passed)


@pytest.mark.parametrize(
    "rows",
    [
        [("access.refused", {"reason": "expired", "holder": LI_SI})],
        [("command.done", {"op": "session_stop", "by": "gate"})],
        [("door.mode", {"mode": "lockdown"})],
        [("emergency.began", {"zone": "garage", "cause": "fire"})],
        [("emergency.reset", FIRE)],
        [("device.config", {"status": "applied"})],
        [],
    ],
)
def test_what_opens_nothing_is_no_cause(rows: list[Any]) -> None:
    assert told(*rows).openings == ()


def test_what_lasts_answers_until_its_end() -> None:
    """A fire of an hour ago that nobody has reset still holds the way free; one that ended does not."""
    began = Happened(1, 1, "emergency.began", NIGHT_MS - 3_600_000, NIGHT_MS - 3_600_000, FIRE)
    ended = Happened(2, 2, "emergency.reset", NIGHT_MS - 600_000, NIGHT_MS - 600_000, FIRE)
    standing = answer([account_of([began], "west", "estate")], [], NIGHT_MS, NIGHT_MS)
    over = answer([account_of([began, ended], "west", "estate")], [], NIGHT_MS, NIGHT_MS)
    assert [one.detail for one in standing.openings] == ["fire"]
    assert over.openings == ()
    assert over.before is not None
    assert over.before.until_ms == ended.to_ms


def test_restart_ends_what_is_not_recorded_again() -> None:
    """A device records anew what still lasts when it starts: what it does not record is over."""
    rows = night(("door.mode", {"mode": "hold_open"}), ("device.started", {"clean": False}), allowed())
    account = account_of(rows, "west", "estate")
    assert [(one.cause, one.until_ms) for one in account.openings] == [
        (Cause.HELD_OPEN, rows[1].to_ms),
        (Cause.CARD, None),
    ]
    assert account.doubts == (RecordGap(GapReason.RESTART, rows[0].from_ms, rows[1].to_ms),)


def test_first_start_of_all_is_no_restart() -> None:
    """Nothing was recorded before it: there is no time between two records to speak of."""
    assert account_of(night(("device.started", {})), "west", "estate").doubts == ()


@pytest.mark.parametrize(
    ("rows", "doubt"),
    [
        ([allowed(), ("journal.gap", {"count": 40})], RecordGap(GapReason.LOST, NIGHT_MS, NIGHT_MS + 1_000, 40)),
        (
            [("device.keeper_lost", {}), ("device.keeper_found", {})],
            RecordGap(GapReason.KEEPER, NIGHT_MS, NIGHT_MS + 1_000),
        ),
        ([("device.keeper_lost", {})], RecordGap(GapReason.KEEPER, NIGHT_MS, None)),
        (
            [("device.unlogged", {"count": 2, "first_ms": NIGHT_MS - 5, "last_ms": NIGHT_MS + 5})],
            RecordGap(GapReason.UNWRITTEN, NIGHT_MS - 5, NIGHT_MS + 5, 2),
        ),
    ],
)
def test_what_is_not_on_record_is_a_doubt(rows: list[Any], doubt: RecordGap) -> None:
    assert told(*rows).doubts == (doubt,)


def test_row_that_is_missing_is_a_doubt() -> None:
    rows = night(allowed(), PASSED, allowed(), PASSED)
    assert holes(rows) == []
    assert holes([rows[0], rows[3]]) == [RecordGap(GapReason.MISSING, rows[0].from_ms, rows[3].to_ms, 2)]


def test_row_without_a_time_is_a_doubt() -> None:
    """It may have happened at any moment between the floor of its clock and its arrival."""
    row = Happened(1, 1, "door.forced", NIGHT_MS - 60_000, NIGHT_MS + 7_200_000, {}, "west", is_dated=False)
    found = answer([account_of([row], "west", "estate")], undated([row]), NIGHT_MS, NIGHT_MS)
    assert [one.cause for one in found.openings] == [Cause.FORCED]
    assert found.doubts == (RecordGap(GapReason.CLOCK, row.from_ms, row.to_ms, 1),)


def test_openings_beside_the_moment_stand_apart() -> None:
    rows = night(allowed(), ("door.exit_button", {}), ("door.forced", {}), every_ms=AROUND_MS + 1)
    found = answer([account_of(rows, "west", "estate")], [], rows[1].from_ms, rows[1].from_ms)
    assert [one.cause for one in found.openings] == [Cause.EXIT_BUTTON]
    assert (found.before and found.before.cause, found.after and found.after.cause) == (Cause.CARD, Cause.FORCED)


def test_nearest_opening_comes_first() -> None:
    rows = night(allowed(), ("door.exit_button", {}), every_ms=60_000)
    found = answer([account_of(rows, "west", "estate")], [], rows[1].from_ms, rows[1].from_ms)
    assert [one.cause for one in found.openings] == [Cause.EXIT_BUTTON, Cause.CARD]


@pytest.mark.parametrize("field", [None, 7, "not hex", "ab", ["x"], {"a": 1}])
def test_nonsense_in_a_row_names_nobody(field: object) -> None:
    (only,) = told(("access.allowed", {"reason": field, "holder": field, "digest": field})).openings
    assert (only.holder, only.digest) == ("", "")
    assert told(("journal.gap", {"count": field}), ("door.held", {"open_ms": field})).doubts[0].count in (0, 7)


def test_account_of_nothing_is_empty() -> None:
    assert account_of([], "west", "estate") == Account((), ())
