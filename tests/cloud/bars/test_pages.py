"""Bars on the console and by calls."""

from cloud.bars.rule import BarGround
from contract.decide import DAY_MS
from tests.cloud.support.api import get, program, send
from tests.cloud.support.pages import words
from tests.cloud.support.town import NOW_MS, Town


def test_two_operators_bar_somebody_by_forms(town: Town) -> None:
    with town.visit("office") as first, town.visit("admin") as second:
        fields = {"ground": "theft", "last_day": "2027-02-01"}
        assert first.submit("/people/5/bars", "/people/5", **fields).status_code == 303
        page = first.get("/people/5").text
        assert "Waits for a second operator" in page
        assert "Confirm the bar" not in page
        refused = first.submit("/bars/1/confirmed", "/bars")
        assert refused.status_code == 422
        assert "Another operator has to confirm it" in refused.text
        assert second.submit("/bars/1/confirmed", "/people/5", back="/people/5").status_code == 303
        assert "Barred Theft" in words(first.get("/people/5").text)
        assert first.submit("/bars/1/appealed", "/bars", appeal="It was not me").status_code == 303
        assert first.submit("/bars/1/lifted", "/bars").status_code == 303
        page = words(first.get("/bars").text)
    assert "Lifted Theft" in page
    assert "lifted by office" in page
    assert "Appeal: It was not me" in page


def test_auditor_reads_bars_and_changes_none(town: Town) -> None:
    """A guard sees none: on a shared screen no ground is read."""
    with town.visit("office") as office, town.visit("admin") as admin, town.visit("gate") as gate:
        office.submit("/people/5/bars", "/people/5", ground="theft", last_day="2027-02-01")
        admin.submit("/bars/1/confirmed", "/bars")
        assert [gate.get(path).status_code for path in ("/bars", "/people/5")] == [403, 403]
    with town.visit("auditor") as auditor:
        for path in ("/bars", "/people/5"):
            page = auditor.get(path).text
            assert "Barred Theft" in words(page)
            assert 'action="/bars' not in page.replace('<form class="filters" action="/bars"', "")


def test_form_without_a_day_comes_back(town: Town) -> None:
    """On the page where it stood, unfolded, with all that was typed."""
    with town.visit("office") as office:
        for fields in ({"ground": "theft"}, {"ground": "spite", "last_day": "2027-02-01"}):
            assert office.submit("/people/5/bars", "/people/5", **fields).status_code == 422
        refused = office.submit("/people/5/bars", "/people/5", ground="threats", last_day="1999-02-01").text
        assert "<details open><summary>Bar this person" in refused
        assert '<option value="threats" selected>' in refused
        assert 'name="last_day" type="date" required value="1999-02-01">' in refused
        refused = office.submit("/bars", "/bars", ground="fire_risk", plate="沪A12345", last_day="1999-02-01").text
        assert '<details class="card" open><summary>Bar a telephone or a plate' in refused
        assert 'value="沪A12345">' in refused
        assert "A telephone number has" in office.get("/bars?phone=1").text


def test_bar_by_calls(town: Town) -> None:
    body = {"phone": "13800138000", "ground": BarGround.THEFT, "until_ms": NOW_MS + DAY_MS}
    with program(town, "office") as office, program(town, "admin") as admin:
        bar = send(office, "/bars", body).json()["id"]
        assert send(office, f"/bars/{bar}/confirm", {}).status_code == 409
        assert send(admin, f"/bars/{bar}/confirm", {}).status_code == 204
        assert send(office, f"/bars/{bar}/appeal", {"text": "no"}).status_code == 204
        (found,) = get(office, "/bars/of?phone=138-0013-8000")
        assert (found["bar"]["confirmed_by"], found["bar"]["appeal"], found["name"]) == ("admin", "no", None)
        assert send(admin, f"/bars/{bar}/lift", {}).status_code == 204
        assert get(office, "/bars")[0]["bar"]["lifted_by"] == "admin"
