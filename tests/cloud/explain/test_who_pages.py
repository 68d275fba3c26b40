"""Who or what opened a point, asked on its page, by a call and on the command line."""

from typing import Any

import pytest

from cloud.web.looks import list_looks
from cloud.web.operators import list_audit
from contract.decide import DAY_MS, Trust
from tests.cloud.support.pages import words
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town, Visitor

PAGE = "/points/east-gate/who"
AT = "2027-01-15T16:00"
"""The minute of the town's clock."""


def at_gate(town: Town, kind: str, **data: Any) -> None:
    town.happens(kind, device="east-gate", **data)


def ask(visitor: Visitor, path: str = PAGE, **fields: str) -> str:
    return words(visitor.submit(path, path, **{"at": AT, "purpose": "damage", **fields}).text)


def enters(town: Town, name: str, **data: Any) -> None:
    holder = town.holder(name)
    at_gate(town, "access.allowed", reason="allowed", holder=holder, direction="in", digest="ab" * 16, **data)
    at_gate(town, "access.passed", holder=holder, direction="in", **data)


def test_guard_reads_who_it_was_today(town: Town) -> None:
    enters(town, "Li Si")
    with town.visit("gate") as guard:
        assert PAGE in guard.get("/points/east-gate").text
        said = ask(guard)
    assert "With a card: Li Si (2-502). Somebody went through." in said
    assert "No record of that time is missing" not in said


def test_answer_is_given_in_chinese_too(town: Town) -> None:
    enters(town, "Li Si")
    at_gate(town, "command.done", id="0" * 32, op="open_once", by="gate", reason="快递")
    with town.visit("gate", language="zh") as guard:
        said = ask(guard)
    assert "刷卡：李四（2-502）。有人通过了。" in said
    assert "操作员远程打开：gate。填写的原因：快递。" in said


def test_question_and_look_are_on_record(town: Town) -> None:
    """Whoever is named can see who asked; whoever went before or after was not asked about."""
    enters(town, "Wang Wu", at_ms=town.now_ms - 600_000)
    enters(town, "Li Si")
    with town.visit("office") as staff:
        assert "Wang Wu" not in ask(staff, purpose="", case="2027-114")
    with town.store.reading() as connection:
        (entry,) = (one for one in list_audit(connection) if one.action == "opening.asked")
        looks = {person: list_looks(connection, SITE, person) for person in (5, 7)}
    assert (entry.operator, entry.subject, entry.detail["purpose"]) == ("office", "east-gate", "2027-114")
    assert entry.detail["at"] == "2027-01-15 16:00"
    assert [(one.operator, one.purpose) for one in looks[5]] == [("office", "2027-114")]
    assert looks[7] == []


def test_without_a_purpose_nothing_is_told(town: Town) -> None:
    enters(town, "Li Si")
    with town.visit("gate") as guard:
        answer = guard.submit(PAGE, PAGE, at=AT)
        assert answer.status_code == 422
        assert "Li Si" not in answer.text
    with town.store.reading() as connection:
        assert "opening.asked" not in {one.action for one in list_audit(connection)}


@pytest.mark.parametrize(
    ("name", "at", "status", "said"),
    [
        ("gate", "2027-01-14T16:00", 403, "You see who it was today only."),
        ("steward", "2027-01-14T16:00", 403, "You see who it was today only."),
        ("office", "2027-01-16T16:00", 422, "That time has not come yet."),
        ("office", "at noon", 422, "Say the day and the time"),
    ],
)
def test_moment_that_is_not_theirs_is_refused(town: Town, name: str, at: str, status: int, said: str) -> None:
    path = "/points/gym-turnstile/who"
    with town.visit(name) as operator:
        answer = operator.submit(path, path, at=at, purpose="damage")
    assert answer.status_code == status
    assert said in answer.text


def test_steward_asks_about_the_own_zone_only(town: Town) -> None:
    with town.visit("steward") as steward:
        assert steward.get("/points/gym-turnstile/who").status_code == 200
        assert steward.get(PAGE).status_code == 404
        token = steward.token("/account")
        assert steward.post(PAGE, data={"csrf": token, "at": AT, "purpose": "damage"}).status_code == 404


def test_auditor_asks_about_any_day(town: Town) -> None:
    enters(town, "Li Si", at_ms=town.now_ms - DAY_MS)
    with town.visit("auditor") as auditor:
        assert "Li Si" in ask(auditor, at="2027-01-14T16:00")


def test_call_answers_in_words_of_closed_lists(town: Town) -> None:
    at_gate(town, "emergency.began", point="", zone="estate", cause="fire")
    enters(town, "Li Si")
    with town.visit("gate") as guard:
        body = {"at_ms": town.now_ms, "lasts_ms": 0, "purpose": "safety"}
        headers = {"X-CSRF-Token": guard.token("/account")}
        told = guard.post("/api/v1/points/east-gate/who", json=body, headers=headers).json()
    assert told["known"]
    assert [(one["cause"], one["passed"], one["lasts"]) for one in told["openings"]] == [
        ("card", True, False),
        ("emergency", None, True),
    ]
    assert told["openings"][0]["name"]["en"] == "Li Si"
    assert told["openings"][1]["emergency"] == "fire"


def test_key_is_never_more_than_possible(town: Town) -> None:
    """A door that was opened while it was locked, and an hour of which nothing is known: no device records a key."""
    with town.visit("gate") as guard:
        headers = {"X-CSRF-Token": guard.token("/account")}
        told = []
        for _ in range(2):
            body = {"at_ms": town.now_ms, "lasts_ms": 0, "purpose": "safety"}
            told.append(guard.post("/api/v1/points/east-gate/who", json=body, headers=headers).json())
            at_gate(town, "door.forced")
        enters(town, "Li Si")
        card = guard.post("/api/v1/points/east-gate/who", json=body, headers=headers).json()
    nothing, forced = told
    assert (nothing["known"], nothing["may_be"]) == (False, ["key", "unknown"])
    assert (forced["may_be"], forced["openings"][0]["may_be"]) == ([], ["forced", "key", "exit"])
    assert ["card"] in [one["may_be"] for one in card["openings"]]


def test_register_tells_a_code_from_a_card(town: Town) -> None:
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE credentials SET kind = 'code', digest = ? WHERE id = 5", (b"\xab" * 16,))
    enters(town, "Li Si")
    with town.visit("office") as staff:
        assert "With a code that was keyed: Li Si (2-502)." in ask(staff)


def test_lost_rows_and_unset_clocks_are_told(town: Town) -> None:
    """A hole in the journal, and a leaf that was forced at a time that nobody knows."""
    enters(town, "Li Si", at_ms=town.now_ms - 60_000)
    sender = town.senders["east-gate"]
    at_gate(town, "door.forced", clock=Trust.UNSET, at_ms=town.now_ms - 3_600_000)
    assert len(sender.rows) == 3
    with town.store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM events WHERE seq = 2")
    with town.visit("office") as staff:
        said = ask(staff)
    assert "1 records are missing here, or cannot be read." in said
    assert "Between 2027-01-15 15:00:00 and 2027-01-15 16:00:00 something was recorded by a clock" in said
    assert "There may have been more" in said


def test_device_that_never_spoke_is_a_doubt(town: Town) -> None:
    """Nothing is missing only where something is known: here nobody has ever sent a record."""
    with town.visit("office") as staff:
        said = ask(staff)
    assert "Unknown. Nothing on record opened it" in said
    assert "records of that time may still come" in said
    assert "No record of that time is missing" not in said


def test_time_before_the_first_record_is_unknown(town: Town) -> None:
    """The device had not been set up a day ago: nothing can be missing from records that had not begun."""
    enters(town, "Li Si")
    with town.visit("office") as staff:
        said, later = ask(staff, at="2027-01-14T16:00"), ask(staff)
    assert "Until 2027-01-15 16:00:00: nothing is on record" in said
    assert "No record of that time is missing" not in said
    assert "With a card: Li Si" in later


def test_rows_of_before_are_known_to_be_gone(town: Town) -> None:
    enters(town, "Li Si")
    with town.store.writing() as connection:
        journal = connection.exec_driver_sql("SELECT id FROM journals").scalar_one()
        connection.exec_driver_sql("DELETE FROM events WHERE seq = 1")
        values = (SITE, str(journal), 1, b"\0" * 32)
        connection.exec_driver_sql("INSERT INTO chain_anchors (site, chain, upto, link) VALUES (?, ?, ?, ?)", values)
    with town.visit("office") as staff:
        assert "Until 2027-01-15 16:00:00: records are no longer kept." in ask(staff)
