"""The pages of cards: the register and its stock, enrolment by tap and the desk's loop, by forms alone."""

import re
from typing import Any

import pytest

from cloud.cards.rule import Card, Recipient
from cloud.people.service import PeopleService
from cloud.store.labels import Label
from tests.cloud.support.orders import GYM, calls
from tests.cloud.support.pages import words
from tests.cloud.support.taps import NEW_CARD, Taps
from tests.cloud.support.town import Town

UNKNOWN: dict[str, Any] = {
    "reason": "unknown_credential",
    "direction": "in",
    "digest": "5e" * 16,
    "roster": 1,
    "rule": 3,
}


def test_card_is_enrolled_by_tap_from_the_page(town: Town, taps: Taps) -> None:
    with town.visit("office") as visitor:
        page = visitor.submit("/people/5/cards/tap", "/people/5", point=GYM, label="blue").headers["location"]
        assert "being asked to wait" in visitor.get(page).text
        command = page.rpartition("/")[2]
        town.happens("reader.enrolment", id=command, reader="in", step="open")
        assert "Hold the card to it" in visitor.get(page).text
        town.happens("reader.enrolment", id=command, reader="in", step="first_read")
        assert "once more" in visitor.get(page).text
        assert 'http-equiv="refresh"' in visitor.get(page).text
        taps.holds(command)
        done = visitor.get(page).text
        assert "Enrolled." in words(done)
        assert 'http-equiv="refresh"' not in done
        assert "blue In use" in words(visitor.get("/people/5").text)
        undone = visitor.submit(f"{page}/undo", page).headers["location"]
        assert "it lies in stock" in visitor.get(undone).text
        assert "blue In use" not in words(visitor.get("/people/5").text)


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("two_cards", "two different cards were held there"),
        ("no_card", "no card was held there twice in time"),
        ("enrolling", "another enrolment is open at this reader"),
        ("no_reader", "this point has no such reader"),
    ],
)
def test_every_outcome_is_said_on_the_page(town: Town, taps: Taps, why: str, said: str) -> None:
    with town.visit("office") as visitor:
        page = visitor.submit("/people/5/cards/tap", "/people/5", point=GYM).headers["location"]
        taps.answers(page.rpartition("/")[2], "refused", why)
        assert said in words(visitor.get(page).text)


def test_cancel_and_taken_card_are_said(town: Town, taps: Taps) -> None:
    taps.cards.add_card("office", Recipient(1), Card("H10301", 7, 4242))
    with town.visit("office") as visitor:
        page = visitor.submit("/people/5/cards/tap", "/people/5", point=GYM).headers["location"]
        taps.holds(page.rpartition("/")[2])
        text = visitor.get(page).text
        assert "Somebody has this card already" in words(text)
        (link,) = re.findall(r'href="(/cards\?card=\d+)"', text)
        assert "Zhang San" in words(visitor.get(link).text)
        page = visitor.submit("/people/5/cards/tap", "/people/5", point=GYM).headers["location"]
        assert visitor.submit(f"{page}/cancel", page).headers["location"] == page
        assert "it was cancelled" in words(visitor.get(page).text)
        assert "This enrolment is over" in visitor.submit(f"{page}/cancel", "/people/5").text


def test_offline_reader_is_said_above_the_form(town: Town, taps: Taps) -> None:
    with town.visit("office") as visitor:
        answer = visitor.submit("/people/5/cards/tap", "/people/5", point="east-gate")
        assert answer.status_code == 422
        assert "The device of this reader is offline" in answer.text


def test_unknown_read_is_claimed_by_its_digest(town: Town, taps: Taps) -> None:
    town.happens("access.refused", **UNKNOWN)
    with town.visit("office") as visitor:
        page = visitor.get(f"/people/5?point={GYM}").text
        assert "Give this card to Li Si" in page
        (arrival,) = re.findall(r'name="arrival" value="(\d+)"', page)
        done = visitor.submit("/people/5/cards/claim", "/people/5", arrival=arrival, label="found")
        shown = words(visitor.get(done.headers["location"]).text)
        assert "its number is not known" in shown
        assert "found In use number not known" in shown
        again = visitor.submit("/people/1/cards/claim", "/people/1", arrival=arrival)
        assert "Li Si has this card already: take it back first" in again.text


def test_old_or_other_reads_cannot_be_claimed(town: Town, taps: Taps) -> None:
    """Nor can a code that somebody keyed in vain: nobody is given what others may guess."""
    town.happens("access.refused", **UNKNOWN)
    town.happens("access.refused", **{**UNKNOWN, "reason": "expired"})
    town.happens("access.refused", replay=True, **{**UNKNOWN, "digest": "6f" * 16})
    town.happens("access.refused", **{**UNKNOWN, "digest": "70" * 16, "credential": "code"})
    with town.visit("office") as visitor:
        for arrival in ("2", "3", "4", "99", "x"):
            answer = visitor.submit("/people/5/cards/claim", "/people/5", arrival=arrival)
            assert answer.status_code == 422, arrival
        town.now_ms += 5 * 60_000
        assert "No unknown card was held there" in visitor.get(f"/people/5?point={GYM}").text
        answer = visitor.submit("/people/5/cards/claim", "/people/5", arrival="1")
        assert "older than five minutes" in answer.text
    assert len(taps.cards_of(5)) == 1


def test_desk_loop_runs_by_forms_alone(town: Town, taps: Taps) -> None:
    people = PeopleService(town.store, town.clock)
    for name, flat in (("Ann", "9-101"), ("Bea", "9-102")):
        people.add_person("office", Label("", name), flat)
    with town.visit("office") as visitor:
        page = visitor.get("/cards/desk?building=9").text
        assert "Ann 9-101 Bea 9-102" in words(page)
        loop = visitor.submit("/cards/desk", "/cards/desk?building=9", building="9", point=GYM).headers["location"]
        assert "Ann" in re.findall(r"<h2>([^<]*)", visitor.get(loop).text)[0]
        taps.holds(taps.asked()[-1].id)
        shown = visitor.get(loop).text
        assert "Bea" in re.findall(r"<h2>([^<]*)", shown)[0]
        assert "Ann Enrolled." in words(shown)
        (undo,) = re.findall(r'action="(/cards/enrolments/\w+/undo)"', shown)
        back = visitor.submit(undo, loop).headers["location"]
        assert back == f"{loop}?done=undone"
        assert "Ann" in re.findall(r"<h2>([^<]*)", visitor.get(loop).text)[0]
        visitor.submit(f"{loop}/next", loop, skip="1")
        assert "Bea" in re.findall(r"<h2>([^<]*)", visitor.get(loop).text)[0]
        visitor.submit(f"{loop}/end", loop)
        assert "This list has ended" in visitor.get(loop).text


def test_batch_is_pasted_and_given_from_the_register(town: Town) -> None:
    with town.visit("office") as visitor:
        batch = {"batch": "spring", "format": "H10301", "facility": "7", "deposit": "20"}
        wrong = visitor.submit("/cards/batch", "/cards", numbers="100\nx\n", **batch)
        assert "in these lines: 2" in wrong.text
        assert "100" in re.findall(r"<textarea[^>]*>([^<]*)", wrong.text)[0], "what was typed stays"
        done = visitor.submit("/cards/batch", "/cards", numbers="100 A-100\n101 A-101", **batch)
        assert "The cards lie in stock" in visitor.get(done.headers["location"]).text
        again = visitor.submit("/cards/batch", "/cards", numbers="101 A-101\n102 A-102", **batch)
        assert "known already: A-101" in again.text
        page = visitor.get("/cards?text=100&state=stock").text
        assert "A-100" in page
        assert "A-101" not in page
        assert "¥20.00" in page
        give = "/cards/{}/give".format(*re.findall(r"to=%2Fcards%2F(\d+)%2Fgive", page))
        assert "Choose a person" in visitor.submit(give, "/cards", person="Li").text
        given = visitor.submit(give, "/cards", person="5").headers["location"]
        assert "The card is given" in visitor.get(given).text
        assert "A-100" in visitor.get("/people/5").text
        card = give.removesuffix("/give")
        back = visitor.submit(f"{card}/return", "/people/5", back="/people/5").headers["location"]
        assert "The card came back" in visitor.get(back).text
        assert "A-100" not in visitor.get("/people/5").text
        visitor.submit(f"{card}/void", "/cards")
        assert "This card is void" in visitor.submit(give, "/cards", person="5").text


def test_card_number_stands_in_no_address(town: Town) -> None:
    with town.visit("office") as visitor:
        asked = {"format": "H10301", "facility": "21", "number": "15890"}
        found = visitor.submit("/cards/find", "/cards", **asked)
        assert "Li Si" in words(found.text)
        mistakes = {"1": "No card of this number", "99999": "There can be no such card", "x": "are digits alone"}
        for number, said in mistakes.items():
            assert said in visitor.submit("/cards/find", "/cards", **{**asked, "number": number}).text


def test_number_that_is_none_is_named(town: Town) -> None:
    """What was typed stands in the form again."""
    digits, deposit = "are digits alone, as they are printed on it", "A deposit is 0 to 1000 yuan"
    typed = {"format": "H10301", "facility": "21", "number": "777"}
    with town.visit("office") as visitor:
        for wrong, why in (
            ({"number": "abc"}, digits),
            ({"number": "١٢٣"}, digits),
            ({"number": "9" * 26}, digits),
            ({"facility": "2.1"}, digits),
            ({"deposit": "ten"}, deposit),
            ({"deposit": "nan"}, deposit),
        ):
            answer = visitor.submit("/people/5/cards", "/people/5", **(typed | wrong))
            assert (answer.status_code, why in answer.text) == (422, True), wrong
            assert f'value="{next(iter(wrong.values()))}"' in answer.text
        assert digits in visitor.submit("/cards/find", "/cards", **(typed | {"number": "12 34"})).text


def test_guard_changes_no_card(town: Town, taps: Taps) -> None:
    with town.visit("gate") as guard:
        assert 'method="post"' not in guard.get("/cards").text
        for path in ("/cards/unused", "/cards/desk"):
            assert guard.get(path).status_code == 403
        for path in ("/people/5/cards/tap", "/people/5/cards/claim", "/cards/batch", "/cards/find", "/cards/1/void"):
            assert guard.submit(path, "/account", point=GYM).status_code == 403, path
        body = {"point": GYM, "person": 5}
        assert calls(guard, "/api/v1/enrolments", **body)[0] == 403
    assert taps.asked() == []


def test_calls_do_what_the_pages_do(town: Town, taps: Taps) -> None:
    with town.visit("office") as office:
        status, begun = calls(office, "/api/v1/enrolments", point=GYM, person=5, label="blue")
        assert status == 202
        taps.holds(begun["id"], NEW_CARD)
        found = office.get(f"/api/v1/enrolments/{begun['id']}").json()
        assert (found["state"], found["person"], found["step"]) == ("enrolled", 5, "")
        number = {"format": "H10301", "facility": 7, "number": 4242}
        status, card = calls(office, "/api/v1/cards/find", **number)
        assert (status, card["label"], card["person"]) == (200, "blue", 5)
        headers = {"X-CSRF-Token": office.token("/account")}
        assert office.post(f"/api/v1/enrolments/{begun['id']}/undo", headers=headers).status_code == 204
        assert calls(office, "/api/v1/cards/batch", batch="b", format="H10301", facility=8, numbers="1\n2")[1] == {
            "count": 2
        }
        stock = office.get("/api/v1/cards?state=stock").json()
        assert [one["label"] for one in stock] == ["blue", "...1", "...2"]
        status, _ = calls(office, "/api/v1/commands", op="enrol", place=GYM, key="0" * 64, window_ms=1000, reason="me")
        assert status == 422, "a card goes to the cloud's own key, and to no other"
        assert [one["id"] for one in office.get("/api/v1/people-without-card").json()] == []
        assert office.get("/api/v1/cards/unused?days=1").json() == []


def test_two_cards_of_one_person_are_told_apart(town: Town) -> None:
    """By their own numbers, the ends of those printed on them, and what was paid for them. A mediator, who sees nothing
    of people, sees no digits."""
    with town.visit("office") as office:
        for number, deposit in (("40123", "20"), ("40456", "")):
            fields = {"format": "H10301", "facility": "21", "number": number, "label": "Gate", "deposit": deposit}
            assert office.submit("/people/5/cards", "/people/5", **fields).status_code == 303
        page = words(office.get("/people/5").text)
        assert re.search(r"Gate In use since \S+ · no. \d+ · number ends with 123 · deposit ¥20.00", page)
        assert re.search(r"Gate In use since \S+ · no. \d+ · number ends with 456 Suspend", page)
        assert "40123" not in page
        assert len(set(re.findall(r"Gate · no. (\d+)", page))) == 2


def test_card_with_a_wrong_number_is_typed_on(town: Town) -> None:
    with town.visit("office") as office:
        fields = {"format": "H10301", "facility": "21", "number": "99999999", "label": "Gate", "deposit": "20"}
        refused = office.submit("/people/5/cards", "/people/5", **fields)
    assert refused.status_code == 422
    assert "<details open><summary>Enrol a card by its number" in refused.text
    assert all(f'value="{value}">' in refused.text for value in ("99999999", "Gate", "20"))
