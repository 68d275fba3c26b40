"""Flats by the API."""

from tests.cloud.support.api import get, send
from tests.cloud.support.town import Town, Visitor


def test_flats_are_listed_page_by_page(api: Visitor) -> None:
    first = get(api, "/flats?limit=3")
    assert [one["flat"]["name"] for one in first["flats"]] == ["1-101", "2-502", "3-303"]
    rest = get(api, f"/flats?after={first['next']}")
    assert ([one["flat"]["name"] for one in rest["flats"]], rest["next"]) == (["5-606", "6-1202"], None)
    (household,) = first["flats"][1]["households"]
    assert [name["en"] for name in household["names"]] == ["Li Si", "Li Xiaowu"]


def test_flat_is_added_and_corrected_by_calls(town: Town, api: Visitor) -> None:
    made = send(api, "/flats", {"building": "9", "flat": "901", "floor": 9, "tenure": "tenant"})
    assert (made.status_code, made.json()) == (201, {"name": "9-901"})
    assert send(api, "/flats/9-901", {"building": "9", "flat": "901", "vacant": True}, "PUT").status_code == 204
    flat = get(api, "/flats/9-901")["flat"]
    assert (flat["floor"], flat["tenure"], flat["vacant"]) == (None, "", True)


def test_bad_call_is_answered_plainly(api: Visitor) -> None:
    for method, path, body, status, where in (
        ("POST", "/flats", {}, 422, "name"),
        ("POST", "/flats", {"name": "2-502"}, 409, "name"),
        ("POST", "/flats", {"name": "9-901", "floor": 999}, 422, "body.floor"),
        ("POST", "/flats", {"name": "9-901", "tenure": "squatter"}, 422, "body.tenure"),
        ("PUT", "/flats/9-901", {}, 404, "name"),
    ):
        answer = send(api, path, body, method)
        assert (answer.status_code, answer.json()["where"]) == (status, where), (path, body, answer.text)
