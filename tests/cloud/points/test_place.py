"""Correcting where points stand and what they are rationed as, by the form and by the API."""

import httpx
import pytest

from cloud.flats.rule import Place
from cloud.people.community import load_community
from cloud.points.store import place_of
from cloud.sample import HUB_SOCKETS
from cloud.web.operators import list_audit
from tests.cloud.support.hub import RidersHub
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town, Visitor

EAST = "east-gate"
PAGE = f"/devices/{EAST}"


def stands(town: Town, point: str) -> tuple[str, str, str] | None:
    """Device, zone and class."""
    with town.store.reading() as connection:
        found = {one.name: (one.device, one.zone, one.class_name) for one in load_community(connection).points}
    return found.get(point)


def calls(visitor: Visitor, device: str, point: str, **body: str) -> httpx.Response:
    headers = {"X-CSRF-Token": visitor.token("/account")}
    return visitor.put(f"/api/v1/devices/{device}/points/{point}", json=body, headers=headers)


def test_a_form_corrects_a_point_and_the_audit_says_who_did(town: Town) -> None:
    with town.visit("admin") as admin:
        shown = admin.get(PAGE).text
        assert 'name="point" value="east-gate"' in shown
        sent = {"point": EAST, "zone": "gym", "class": "ebike", "label_en": "East shed"}
        done = admin.submit(f"{PAGE}/points", PAGE, **sent)
        assert done.status_code == 303
        after = admin.get(done.headers["location"]).text
    assert "Changed. Online devices apply it" in words(after)
    assert "East shed" in after
    assert "东门" in after, "a label that is not sent stays"
    assert stands(town, EAST) == (EAST, "gym", "ebike")
    assert town.changes == 1
    with town.store.reading() as connection:
        deed = list_audit(connection, limit=1)[0]
    assert (deed.operator, deed.action, deed.subject) == ("admin", "point.changed", EAST)
    assert deed.detail == {"zone": "gym", "class": "ebike"}


def test_a_form_without_a_class_makes_it_a_door_again(town: Town) -> None:
    with town.visit("admin") as admin:
        admin.submit(f"{PAGE}/points", PAGE, point=EAST, zone="estate", **{"class": "phone"})
        admin.submit(f"{PAGE}/points", PAGE, point=EAST, zone="estate")
    assert stands(town, EAST) == (EAST, "estate", "")


def test_a_point_that_a_device_reports_and_nobody_wrote_down_is_offered_and_added(town: Town) -> None:
    town.beats(EAST, points={EAST: {"phase": "rest"}, "east-socket": {"phase": "free"}})
    with town.visit("admin") as admin:
        assert '<option value="east-socket">' in admin.get(PAGE).text
        assert calls(admin, EAST, "east-socket", zone="estate", **{"class": "phone"}).status_code == 204
        assert '<option value="east-socket">' not in admin.get(PAGE).text
    assert stands(town, "east-socket") == (EAST, "estate", "phone")


@pytest.mark.parametrize(
    ("device", "point", "body", "status"),
    [
        ("nobody", "door", {"zone": "gym"}, 404),
        (EAST, "west-gate", {"zone": "gym"}, 409),
        (EAST, EAST, {"zone": "moon"}, 422),
        (EAST, EAST, {"zone": "gym", "class": "No Class"}, 422),
        (EAST, EAST, {"zone": "gym", "fee": "1"}, 422),
        (EAST, "No-Name", {"zone": "gym"}, 422),
    ],
)
def test_what_is_wrong_changes_nothing(town: Town, device: str, point: str, body: dict[str, str], status: int) -> None:
    with town.visit("admin") as admin:
        assert calls(admin, device, point, **body).status_code == status
    assert stands(town, EAST) == (EAST, "estate", "")
    assert stands(town, "west-gate") == ("west-gate", "estate", "")
    assert town.changes == 0


def test_a_wrong_form_says_so_on_the_devices_page(town: Town) -> None:
    with town.visit("admin") as admin:
        taken = admin.submit(f"{PAGE}/points", PAGE, point="west-gate", zone="gym")
        odd = admin.submit(f"{PAGE}/points", PAGE, point=EAST, zone="gym", **{"class": "No Class"})
    assert (taken.status_code, odd.status_code) == (409, 422)
    assert "Another device has a point of this name." in taken.text
    assert "Something in the form is not right" in odd.text


def test_the_page_of_a_hub_speaks_of_points_and_leads_to_each_of_its_sockets(town: Town) -> None:
    RidersHub(town)
    with town.visit("office") as office:
        hub, door = office.get(f"/devices/{HUB_SOCKETS}").text, office.get(PAGE).text
    assert '<a href="/points/phone-1">Phone socket 1</a>' in hub
    assert ("<h2>Points</h2>" in hub, "Leads to" in hub) == (True, False)
    assert ("<h2>Points</h2>" in door, "Leads to" in door) == (True, True)


def test_whoever_does_not_look_after_machines_is_shown_no_form(town: Town) -> None:
    RidersHub(town)
    with town.visit("office") as office:
        assert "Correct its points" not in office.get(f"/devices/{HUB_SOCKETS}").text
        assert calls(office, HUB_SOCKETS, "phone-1", zone="gym").status_code == 403
    assert stands(town, "phone-1") == (HUB_SOCKETS, "hub", "phone")


def place_of_east(town: Town) -> Place | None:
    with town.store.reading() as connection:
        return place_of(connection, EAST)


def test_point_is_said_to_serve_some_flats(town: Town) -> None:
    """By the form, which shows it again; without the fields it serves all."""
    with town.visit("admin") as admin:
        admin.submit(f"{PAGE}/points", PAGE, point=EAST, zone="estate", unit="2", floor="5")
        assert place_of_east(town) == Place("2", 5)
        shown = admin.get(PAGE).text
        assert 'name="unit" value="2"' in shown
        assert 'value="5"' in shown
        assert calls(admin, EAST, EAST, zone="estate", flat="2-502").status_code == 204
        assert place_of_east(town) == Place(flat="2-502")
        admin.submit(f"{PAGE}/points", PAGE, point=EAST, zone="estate")
        assert place_of_east(town) is None
    with town.store.reading() as connection:
        details = [entry.detail for entry in list_audit(connection, limit=3)]
    assert [detail.get("floor") or detail.get("flat") for detail in details] == [None, "2-502", "5"]


def test_place_that_is_none_is_refused(town: Town) -> None:
    with town.visit("admin") as admin:
        for wrong in ({"flat": "9-999"}, {"floor": "5"}, {"unit": "2", "floor": "500"}):
            answer = admin.submit(f"{PAGE}/points", PAGE, point=EAST, zone="estate", **wrong)
            assert answer.status_code == 422, wrong
    assert place_of_east(town) is None
    assert town.changes == 0
