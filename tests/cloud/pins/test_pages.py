"""PINs on the console and by calls."""

import re

from tests.cloud.support.api import program, send
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

STAFF_PERSON = 11
"""Of the sample."""


def test_clerk_sets_and_clears_a_pin(town: Town) -> None:
    """What is generated stands on one answer, and on no page after it."""
    with town.visit("office") as office:
        assert "No PIN. Where one is asked" in words(office.get("/people/5").text)
        refused = office.submit("/people/5/pin", "/people/5", pin="1234")
        assert refused.status_code == 422
        assert "Digits in a row" in refused.text
        assert "<details open><summary>Set the PIN" in refused.text
        assert 'value="1234"' not in refused.text
        assert office.submit("/people/5/pin", "/people/5", pin="295073").status_code == 303
        assert "A PIN of 6 digits is set." in words(office.get("/people/5").text)
        made = office.submit("/people/5/pin/generate", "/people/5").text
        (pin,) = re.findall(r"shown only now: (\d{6})", made)
        assert pin not in office.get("/people/5").text
        assert office.submit("/people/5/pin/clear", "/people/5").status_code == 303
        assert "No PIN. Where one is asked" in words(office.get("/people/5").text)


def test_only_an_administrator_marks_an_override(town: Town) -> None:
    with town.visit("office") as office, town.visit("admin") as admin:
        assert "override" not in office.get(f"/people/{STAFF_PERSON}").text
        assert admin.submit(f"/people/{STAFF_PERSON}/override", "/zones", override="yes").status_code == 303
        assert "overrides a lockdown" in words(office.get(f"/people/{STAFF_PERSON}").text)
        assert admin.submit("/people/5/override", "/zones", override="yes").status_code == 422


def test_pin_by_calls(town: Town) -> None:
    with program(town, "office") as office, program(town, "admin") as admin:
        assert send(office, "/people/5/pin", {"pin": "295073"}, "PUT").status_code == 204
        refused = send(office, "/people/5/pin", {"pin": "9876"}, "PUT")
        assert (refused.status_code, "Digits in a row" in refused.text) == (422, True)
        assert len(send(office, "/people/5/pin/generate", {}).json()["pin"]) == 6
        assert send(office, "/people/5/pin", None, "DELETE").status_code == 204
        assert send(office, "/people/5/pin", None, "DELETE").status_code == 404
        path = f"/people/{STAFF_PERSON}/override"
        assert send(office, path, {"override": True}, "PUT").status_code == 403
        assert send(admin, path, {"override": True}, "PUT").status_code == 204


def test_duress_is_switched_on_in_the_settings(town: Town) -> None:
    with town.visit("admin") as admin:
        assert "Off: no PIN signals anything." in words(admin.get("/settings").text)
        assert admin.submit("/settings/duress", "/settings", duress="yes").status_code == 303
        assert "duress = true" in admin.get("/settings/setup.toml").text
        assert "Under threat" in words(admin.get(f"/people/{STAFF_PERSON}").text)
        assert "Under threat" not in words(admin.get("/people/5").text)
