"""The console in an emergency and in a drill: what is said, what may be ordered, and who was inside."""

import re

import httpx
import pytest

from cloud.emergencies.rule import LOOK_BACK_MS
from tests.cloud.support.orders import calls, commands, deeds
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town, Visitor

GYM, EAST = "gym-turnstile", "east-gate"
REASON = "the yearly drill"
MINUTE_MS = 60_000


def goes(town: Town, who: str, direction: str = "in", *, ago_ms: int = 0) -> None:
    town.happens("access.passed", holder=town.holder(who), direction=direction, at_ms=town.now_ms - ago_ms)


def rows(page: str) -> list[str]:
    return [words(row) for row in re.findall(r"<tr.*?</tr>", page.partition("<tbody>")[2], re.DOTALL)]


def names(town: Town, count: int) -> list[str]:
    with town.store.reading() as connection:
        found = connection.exec_driver_sql("SELECT name_en FROM people ORDER BY id LIMIT ?", (count,))
        return [str(row[0]) for row in found]


def muster(visitor: Visitor, zone: str = "gym") -> str:
    return visitor.get(f"/zones/{zone}/muster").text


def orders(guard: Visitor, on: str) -> httpx.Response:
    """Fill in the second step of a drill's form."""
    fields = {"csrf": guard.token(f"/zones/gym/drill?on={on}&step=2"), "on": on, "reason": REASON}
    return guard.post("/commands/drill/gym", data={**fields, "back": "/doors"})


@pytest.mark.parametrize(
    ("cause", "english", "chinese"),
    [
        ("fire", "Fire", "火警"),
        ("smoke", "Smoke", "烟雾"),
        ("estop", "Emergency stop", "急停"),
        ("loop_broken", "Fire loop broken", "火警线断线"),
        ("drill", "Fire drill", "消防演练"),
    ],
)
def test_an_emergency_stands_on_the_first_page_by_zone_and_cause(
    cause: str, english: str, chinese: str, town: Town
) -> None:
    town.happens("emergency.began", point="", zone="gym", cause=cause)
    for language, text in (("en", english), ("zh", chinese)):
        with town.visit("gate", language=language) as guard:
            for path in ("/", "/doors", "/zones/gym/muster"):
                (banner,) = re.findall(r'<section class="siren.*?</section>', guard.get(path).text, re.DOTALL)
                assert f"{text}" in words(banner)
                assert "16:00:00" in words(banner)


def test_a_broken_loop_is_a_fault_in_words_and_no_fire(town: Town) -> None:
    town.happens("emergency.began", point="", zone="gym", cause="loop_broken")
    town.beats(GYM, faults={"fire_loop.gym": "broken"})
    with town.visit("gate") as guard:
        first = guard.get("/").text
        assert "Fire loop broken: treated as a fire" in words(first)
        assert '<small class="badge faulty">Fault</small>' in first
        assert "A cut alarm wire has the effect of a fire" in words(first)


def test_who_reset_it_is_named_for_an_hour(town: Town) -> None:
    (anna,) = names(town, 1)
    town.happens("emergency.began", point="", zone="gym", cause="fire")
    holder = town.holder(anna)
    town.happens("emergency.reset", point="", zone="gym", cause="fire", how="card", by=holder, holder=holder)
    with town.visit("gate") as guard:
        assert f"Reset by card: {anna}" in words(guard.get("/").text)
        town.now_ms += 61 * MINUTE_MS
        assert "siren" not in guard.get("/").text
        assert f"Reset by card: {anna}" in words(muster(guard))


def test_a_key_that_was_turned_while_the_agent_was_away_leaves_no_emergency_for_ever(town: Town) -> None:
    town.happens("emergency.began", point="", zone="gym", cause="fire")
    town.happens("device.started", point="", software="1", clean=True)
    with town.visit("gate") as guard:
        assert "Ended, or not reported since the device restarted" in words(guard.get("/").text)
        town.happens("emergency.standing", point="", zone="gym", cause="fire")
        assert "Ended, or not reported" not in words(guard.get("/").text)


def test_a_drill_is_ordered_in_two_steps_at_every_device_of_the_zone(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        assert "/zones/gym/drill" in guard.get("/doors").text
        first = guard.get("/zones/gym/drill").text
        assert "ends when you end it, by the key on site, or by itself after 30 minutes" in words(first)
        assert "<form" not in first.partition("<main>")[2]
        answer = orders(guard, "1")
        (command,) = commands(town)
        assert (command.device, command.op, command.args) == (GYM, "drill", {"zone": "gym", "on": True})
        assert answer.headers["location"] == f"/doors?order={command.id}"
        assert "Fire drill" in words(guard.get(answer.headers["location"]).text)
        town.happens("emergency.began", point="", zone="gym", cause="drill", by="gate")
        page = guard.get("/doors").text
        assert "/zones/gym/drill?on=0" in page
        assert "(gate)" in words(page)
        orders(guard, "0")
        assert commands(town)[-1].args == {"zone": "gym", "on": False}
    deed = deeds(town)[0]
    assert (deed["action"], deed["subject"], deed["detail"]["reason"]) == ("command.drill", GYM, REASON)


def test_no_drill_is_offered_in_an_emergency_and_none_without_a_reason_or_a_zone(town: Town) -> None:
    town.beats(GYM)
    town.happens("emergency.began", point="", zone="gym", cause="smoke")
    with town.visit("gate") as guard:
        assert "/zones/gym/drill" not in guard.get("/doors").text
        token = guard.token("/zones/gym/drill?step=2")
        for path, reason, said in (("gym", "", "Give a reason"), ("attic", REASON, "There is no such place")):
            answer = guard.post(f"/commands/drill/{path}", data={"csrf": token, "on": "1", "reason": reason})
            assert answer.status_code == 422
            assert said in words(answer.text)
        assert guard.get("/zones/attic/drill").status_code == 404
        assert guard.get("/zones/attic/muster").status_code == 404
    assert commands(town) == []


def test_the_list_says_who_is_inside_and_since_when(town: Town) -> None:
    anna, ben, carl = names(town, 3)
    goes(town, anna, ago_ms=30 * MINUTE_MS)
    goes(town, ben, ago_ms=20 * MINUTE_MS)
    goes(town, ben, "out", ago_ms=10 * MINUTE_MS)
    goes(town, carl, ago_ms=LOOK_BACK_MS + MINUTE_MS)
    town.happens("access.passed", holder="", direction="in")
    town.beats(GYM)
    with town.visit("gate") as guard:
        page = muster(guard)
        (row,) = rows(page)
        assert row.startswith(anna)
        assert "15:30:00" in row
        assert "May be incomplete" not in page
        assert "Let in remotely without a card: 1." in words(page)
        assert "Seen" not in words(page)
        assert rows(muster(guard, "estate")) == []


def test_list_is_bounded_by_unnamed_exits(town: Town) -> None:
    """Three came in with their cards and two left by the free arm: all three are listed, and one is inside."""
    for who in names(town, 3):
        goes(town, who)
    with town.visit("gate") as guard:
        assert "At most" not in muster(guard)
        for _ in range(2):
            town.happens("turnstile.exited")
        assert len(rows(muster(guard))) == 3
        assert "At most 1 of these are inside" in words(muster(guard))
    with town.visit("gate", language="zh") as guard:
        assert "其中最多 1 人在内" in words(muster(guard))


def test_a_guard_ticks_off_and_takes_back_and_both_stand_in_the_audit(town: Town) -> None:
    anna, ben = names(town, 2)
    for who in (anna, ben):
        goes(town, who, ago_ms=30 * MINUTE_MS)
    town.happens("emergency.began", point="", zone="gym", cause="fire")
    with town.visit("gate") as guard:
        page = muster(guard)
        assert "2 of 2 not yet accounted for" in words(page)
        assert 'http-equiv="refresh"' in page
        where = "/zones/gym/muster"
        assert guard.submit(where, where, holder=town.holder(anna), seen="1").headers["location"] == where
        town.now_ms += MINUTE_MS
        page = muster(guard)
        assert "1 of 2 not yet accounted for" in words(page)
        assert rows(page)[-1].startswith(anna)
        assert "✓ gate 16:00:00" in rows(page)[-1]
        goes(town, ben, "out")
        assert "0 of 2 not yet accounted for" in words(muster(guard))
        assert "went out 16:01:00" in words(muster(guard))
        guard.submit(where, where, holder=town.holder(anna), seen="0")
        assert "1 of 2 not yet accounted for" in words(muster(guard))
    assert [(deed["action"], deed["subject"]) for deed in deeds(town)[:2]] == [
        ("muster.unseen", "gym"),
        ("muster.seen", "gym"),
    ]


def test_the_list_goes_on_after_the_reset_and_begins_anew_with_the_next_emergency(town: Town) -> None:
    (anna,) = names(town, 1)
    where = "/zones/gym/muster"
    goes(town, anna, ago_ms=30 * MINUTE_MS)
    town.happens("emergency.began", point="", zone="gym", cause="fire")
    with town.visit("gate") as guard:
        town.now_ms += MINUTE_MS
        guard.submit(where, where, holder=town.holder(anna), seen="1")
        town.happens("emergency.reset", point="", zone="gym", cause="fire", how="key")
        assert "0 of 1 not yet accounted for" in words(muster(guard))
        town.now_ms += MINUTE_MS
        town.happens("emergency.began", point="", zone="gym", cause="drill")
        assert "1 of 1 not yet accounted for" in words(muster(guard))


def test_a_device_that_is_not_heard_puts_the_list_in_doubt(town: Town) -> None:
    town.beats(GYM)
    town.now_ms += 10 * MINUTE_MS
    with town.visit("gate") as guard:
        assert "May be incomplete: Gym" in words(muster(guard))
        assert "offline since 2027-01-15 16:00:00" in words(muster(guard))
    town.beats(GYM, waiting=7)
    with town.visit("gate", language="zh") as guard:
        assert "还有 7 个事件未上传" in words(muster(guard))


def test_who_may_not_order_may_not_tick_off_and_a_strangers_form_does_nothing(town: Town) -> None:
    (anna,) = names(town, 1)
    goes(town, anna, ago_ms=MINUTE_MS)
    town.happens("emergency.began", point="", zone="gym", cause="fire")
    with town.visit("gate") as guard:
        for fields in ({"holder": town.holder(anna), "seen": "1"}, {"csrf": "wrong", "holder": town.holder(anna)}):
            assert guard.post("/zones/gym/muster", data=fields).status_code == 403
        assert guard.submit("/zones/gym/muster", "/zones/gym/muster", holder="x", seen="1").status_code == 422
        assert "1 of 1 not yet accounted for" in words(muster(guard))
    with town.visit() as stranger:
        assert stranger.get("/zones/gym/muster").status_code == 303


def test_the_api_drills_and_tells_what_stands_and_how_it_ended(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        status, made = calls(guard, "/api/v1/zones/gym/drill", on=True, reason=REASON)
        assert (status, made["ids"]) == (202, [commands(town)[0].id])
        assert calls(guard, "/api/v1/zones/attic/drill", on=True, reason=REASON)[0] == 404
        assert calls(guard, "/api/v1/zones/gym/drill", on=True, reason="")[0] == 422
        town.happens("emergency.began", point="", zone="gym", cause="drill", by="gate")
        (told,) = guard.get("/api/v1/emergencies").json()
        assert (told["zone"], told["cause"], told["began_by"], told["how"]) == ("gym", "drill", "gate", "")
        town.happens("emergency.reset", point="", zone="gym", cause="drill", how="time")
        (told,) = guard.get("/api/v1/emergencies").json()
        assert (told["how"], told["ended_ms"]) == ("time", town.now_ms)
