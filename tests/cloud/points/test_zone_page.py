"""Zones in the console: made by an adoption or by hand, and opened for a plan on the same page."""

from cloud.devices.registry import keep_wiring
from cloud.people.counted import page_zones
from cloud.points.zone_store import view_zones
from contract.adoption import code_of
from contract.sealing import DeviceKey
from tests.cloud.fleet.test_adoption_pages import NONCE, asks
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

WIRING = (
    '[[point]]\nname = "barrier"\nzone = "north-court"\nkind = "door"\n[[point]]\nname = "east-gate"\nzone = "estate"\n'
)


def opened_by(town: Town, zone: str) -> dict[str, str]:
    with town.store.reading() as connection:
        return next(one.opened_by for one in view_zones(connection) if one.name == zone)


def test_adoption_makes_zone_and_offers_to_open_it(town: Town) -> None:
    """The page after it names the new zone, the point that was left out, and that nobody gets in; one press opens."""
    key = DeviceKey.generate()
    asks(town, key, WIRING)
    with town.visit("office") as operator:
        answer = operator.submit(
            "/adoptions", "/adoptions", code=code_of(key.public(), NONCE), place="new", name="barrier"
        )
        page = operator.get(answer.headers["location"]).text
        assert "its wiring names them: north-court" in page
        assert "left out: east-gate: it is a point of east-gate" in page
        assert 'id="closed-north-court"' in page
        changes = town.changes
        opened = operator.submit("/zones/north-court/plans", "/adoptions", plan="resident", hours="always")
        assert opened.headers["location"] == "/zones?done=opened"
        assert 'id="closed-north-court"' not in operator.get("/adoptions").text
    assert opened_by(town, "north-court") == {"resident": "always"}
    assert town.changes > changes


def test_new_place_wins_over_a_device_chosen_before(town: Town) -> None:
    """One question, one answer: what stands in the fields of the other answer does not count."""
    key = DeviceKey.generate()
    asks(town, key)
    with town.visit("office") as operator:
        typed = {"code": code_of(key.public(), NONCE), "name": "north-gate", "replace": "gym-turnstile"}
        assert (
            operator.submit("/adoptions", "/adoptions", **(typed | {"replace": ""}), place="replace").status_code == 422
        )
        answer = operator.submit("/adoptions", "/adoptions", **typed, place="new")
        assert answer.headers["location"].endswith("device=north-gate")


def test_a_zone_is_added_renamed_and_refused_twice(town: Town) -> None:
    with town.visit("office") as operator:
        typed = {"name": "roof", "label_zh": "屋顶"}
        assert operator.submit("/zones", "/zones", **typed).headers["location"] == "/zones?done=added"
        assert "nobody can enter" in operator.get("/zones?done=added").text
        for bad, why in (
            (typed, "There is a zone roof already: take another name"),
            ({"name": "Not A Name"}, "“Not A Name” is no name of a zone: write lower-case letters"),
            ({"name": "home"}, "home is another place for each flat"),
        ):
            answer = operator.submit("/zones", "/zones", **bad)
            assert (answer.status_code, why in words(answer.text)) == (422, True)
        in_chinese = operator.post("/zones?lang=zh-CN", data={"csrf": operator.token("/zones"), "name": "Not A Name"})
        assert "“Not A Name”不能作区域名称" in words(in_chinese.text)
        operator.get("/zones?lang=en")
        assert operator.submit("/zones/roof", "/zones", label_en="Roof garden").status_code == 303
        assert "Roof garden" in operator.get("/zones").text
        assert operator.submit("/zones/roof/plans", "/zones", plan="nobody", hours="always").status_code == 422
        audit = operator.get("/audit").text
    assert "Added a zone" in audit
    assert "Changed a zone" in audit


NAMED = (
    '[[point]]\nname = "gym-turnstile"\nzone = "gym"\nkind = "turnstile"\n'
    "[point.readers.in]\nd0 = 5\nd1 = 6\n[point.readers.out]\nd0 = 7\nd1 = 8\n"
)


def test_hard_anti_passback_needs_named_exits(town: Town) -> None:
    """Somebody who leaves unseen would be held to be inside, and locked out: so every way out must ask for a card."""
    form = {"kind": "counted", "capacity": "40", "fire_limit": "60", "anti_passback": "hard", "timed_s": "300"}
    with town.visit("office") as operator:
        refused = operator.submit("/zones/gym", "/zones", **form)
        assert refused.status_code == 422
        assert "nobody is named who leaves by gym-turnstile" in words(refused.text)
        assert operator.submit("/zones/gym", "/zones", **form | {"anti_passback": "timed"}).status_code == 303
        page = words(operator.get("/zones").text)
        assert "Whoever is inside already is refused for some minutes" in page
        with town.store.writing() as connection:
            keep_wiring(connection, "gym-turnstile", NAMED)
        changes = town.changes
        assert operator.submit("/zones/gym", "/zones", **form).status_code == 303
        assert town.changes > changes, "devices are told"
        assert operator.submit("/zones/gym", "/zones", **form | {"timed_s": "5"}).status_code == 422
    with town.store.reading() as connection:
        page_zone = page_zones(connection)["gym"]
    assert (page_zone.anti_passback, page_zone.timed_s, page_zone.limit) == ("hard", 300, 60)


def test_auditor_sees_zones_and_changes_none(town: Town) -> None:
    with town.visit("auditor") as auditor, town.visit("gate") as guard:
        page = auditor.get("/zones").text
        assert "Gym" in page
        assert 'action="/zones' not in page
        assert auditor.submit("/zones", "/account", name="roof").status_code == 403
        assert guard.get("/zones").status_code == 403


def test_hours_are_shown_in_the_operators_language(town: Town) -> None:
    """Not by the name that plans know them by, neither where a zone is opened nor where it stands open."""
    with town.visit("office") as operator:
        page = operator.get("/zones?lang=zh-CN").text
        assert '<option value="gym-hours">健身房开放时间</option>' in page
        assert "· 全天</span>" in page
        assert "· always" not in page
