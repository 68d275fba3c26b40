"""One's own data as a file, and the wish that it be erased."""

import csv
import io

from tests.cloud.support.pages import words
from tests.cloud.support.phones import LI_SI, a_phone, token_of
from tests.cloud.support.town import Town


def test_own_data_comes_as_a_file(town: Town) -> None:
    town.happens("access.refused", reason="expired", holder=town.holder("Li Si"))
    town.happens("access.refused", reason="expired", holder=town.holder("Wang Wu"))
    with a_phone(town) as phone:
        phone.post("/me/visitors", data={"csrf": token_of(phone), "kind": "guest", "name": "an aunt"})
        phone.post("/me/data/erase", data={"csrf": token_of(phone), "said": "my visits of last year"})
        lines = phone.get("/me/data.json").json()
        table = phone.get("/me/data.csv").text
        assert phone.get("/me/data.txt").status_code in (404, 422)
    kinds = [line["what"] for line in lines]
    assert {"Name", "Plan", "Card", "Phone", "Visit", "Visitor", "Asked to erase"} <= set(kinds)
    assert [line["more"] for line in lines if line["what"] == "Visit"] == ["Refused This membership has ended"]
    assert not any("Wang Wu" in str(line) for line in lines)
    assert table.startswith("\ufeffwhat,when")
    assert len(list(csv.reader(io.StringIO(table)))) == len(lines) + 1


def test_request_to_erase_reaches_the_office(town: Town) -> None:
    with a_phone(town) as phone, town.visit("office") as office:
        asked = phone.post("/me/data/erase", data={"csrf": token_of(phone), "said": "my visits of last year"})
        assert asked.headers["location"] == "/me/data?done=asked"
        assert "waits for the office" in words(phone.get("/me/data").text)
        page = office.get("/erasure-requests").text
        assert "my visits of last year" in page
        empty = office.submit("/erasure-requests/1/answer", "/erasure-requests", answer=" ")
        assert "what stays and why" in words(empty.text)
        done = office.submit("/erasure-requests/1/answer", "/erasure-requests", answer="Visits erased; bills stay")
        assert done.status_code == 303
        assert "Visits erased; bills stay" in words(phone.get("/me/data").text)
        twice = office.post("/erasure-requests/1/answer", data={"csrf": office.token("/account"), "answer": "again"})
        assert "it has an answer" in words(twice.text)


def test_requests_are_bounded_and_kept(town: Town) -> None:
    with a_phone(town, LI_SI) as phone:
        token = token_of(phone)
        for _ in range(3):
            assert phone.post("/me/data/erase", data={"csrf": token}).status_code == 303
        fourth = phone.post("/me/data/erase", data={"csrf": token, "said": "once more"})
        assert fourth.status_code == 422
        assert ">once more</textarea>" in fourth.text, "what was typed is kept"
        hidden = phone.post("/me/data/erase", data={"csrf": token, "said": "\u202ebackwards"})
        assert hidden.status_code == 422
