"""How many are inside, on the pages and over the API: who sees it, who may say better, and what everybody may know."""

import pytest

from contract.occupancy import MAX_INSIDE
from tests.cloud.support.counted import ANNA, BEN, EAST, GYM, CountedGym
from tests.cloud.support.pages import words
from tests.cloud.support.phones import LI_SI
from tests.cloud.support.town import Town, Visitor


@pytest.fixture
def gym(town: Town) -> CountedGym:
    return CountedGym(town, limit=8, capacity=6)


def test_steward_counts_the_room_in_one_form(town: Town, gym: CountedGym) -> None:
    gym.passes(ANNA)
    for _ in range(5):
        town.happens("turnstile.forced", device=EAST)
    with town.visit("steward") as steward:
        page = words(steward.get("/inside").text)
        assert "6 · comfortable for 6 · fire limit 8" in page
        assert "It may be wrong by 5: count the room." in page
        assert steward.submit(f"/inside/{GYM}", "/inside", inside="2").headers["location"] == "/inside?done=counted"
        assert "Counted. Devices" in words(steward.get("/inside?done=counted").text)
    assert gym.inside()[:2] == (2, 0)
    assert gym.audited()[-1] == ("steward", "zone.counted")


@pytest.mark.parametrize("typed", ["-1", "many", "1000000", "2.5", "²"])
def test_typed_number_stays_in_the_form(town: Town, gym: CountedGym, typed: str) -> None:
    with town.visit("steward", language="zh") as steward:
        refused = steward.submit(f"/inside/{GYM}", "/inside", inside=typed)
        assert refused.status_code == 422
        assert "未作任何更改" in words(refused.text)
        assert f'value="{typed}"' in refused.text
    assert ("steward", "zone.counted") not in gym.audited()


def test_zone_that_is_not_theirs_is_not_found(town: Town, gym: CountedGym) -> None:
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE zones SET kind = 'counted' WHERE name = 'estate'")
    with town.visit("steward") as steward:
        assert "Estate" not in words(steward.get("/inside").text)
        assert steward.submit("/inside/estate", "/inside", inside="2").status_code == 404
        assert steward.submit(f"/inside/{GYM}/empty", "/inside").status_code == 403
    with town.visit("gate") as guard:
        assert "Estate" in words(guard.get("/inside").text)
        assert guard.submit("/inside/hub", "/inside", inside="2").status_code == 404
        assert guard.submit(f"/inside/{GYM}/empty", "/inside").headers["location"] == "/inside?done=emptied"
    assert gym.inside() == (0, 0, 0)


def test_first_page_shows_how_full_it_is(town: Town, gym: CountedGym) -> None:
    gym.passes(ANNA)
    with town.visit("gate") as guard:
        assert "Gym 1 / 6" in words(guard.get("/").text)
        with town.store.writing() as connection:
            connection.exec_driver_sql("UPDATE zone_counts SET count_doubt = ?", (MAX_INSIDE,))
        assert "Gym nobody knows: count the room" in words(guard.get("/").text)


def test_pages_tell_who_stayed_after_closing(town: Town) -> None:
    gym = CountedGym(town, closes="17:00")
    gym.passes(ANNA)
    with town.visit("gate") as guard:
        assert "still inside" not in words(guard.get("/inside").text)
        town.now_ms += 61 * 60_000
        gym.counters.look()
        assert "It closed at 17:00, and by the count somebody is still inside." in words(guard.get("/inside").text)
        assert "somebody is still inside after closing" in words(guard.get("/").text)
        gym.passes(ANNA, "out")
        assert "still inside" not in words(guard.get("/inside").text)


def test_everybody_sees_how_many_and_never_who(town: Town, gym: CountedGym) -> None:
    gym.passes(bytes.fromhex(town.holder("Li Si")))
    gym.passes(BEN)
    with town.visit() as stranger:
        page = stranger.get(f"/full/{GYM}")
        assert "2 / 6" in words(page.text)
        assert "Free places: 4" in words(page.text)
        assert page.headers["cache-control"] == "public, max-age=5"
        assert "Li Si" not in page.text
        gym.counters.correct("gate", GYM, 6)
        assert "Full. Please wait" in words(stranger.get(f"/full/{GYM}").text)
        assert stranger.get("/full/estate").status_code == 404


def test_guard_lets_a_person_enter_again(town: Town, gym: CountedGym) -> None:
    """From the list of who is inside, where going in twice is refused at all."""
    holder = town.holder("Li Si")
    gym.passes(bytes.fromhex(holder))
    with town.visit("gate") as guard:
        assert "May enter again" not in guard.get(f"/zones/{GYM}/muster").text
        with town.store.writing() as connection:
            connection.exec_driver_sql("UPDATE zones SET anti_passback = 'timed' WHERE name = ?", (GYM,))
        assert "May enter again: Li Si" in guard.get(f"/zones/{GYM}/muster").text
        answer = guard.submit(f"/inside/{GYM}/reset", f"/zones/{GYM}/muster", holder=holder)
        assert answer.headers["location"] == "/inside?done=reset"
        assert guard.submit(f"/inside/{GYM}/reset", "/inside", holder="nobody").status_code == 422
    assert gym.audited()[-1] == ("gate", "zone.person_reset")


def test_desk_lets_a_person_enter_again(town: Town, gym: CountedGym) -> None:
    """From the person's page, which says nothing of where they are."""
    gym.passes(bytes.fromhex(town.holder("Li Si")))
    with town.visit("office") as office:
        assert "May enter again" not in office.get(f"/people/{LI_SI}").text
        with town.store.writing() as connection:
            connection.exec_driver_sql("UPDATE zones SET anti_passback = 'timed' WHERE name = ?", (GYM,))
        assert "May enter again" in office.get(f"/people/{LI_SI}").text
        answer = office.submit(f"/people/{LI_SI}/inside/{GYM}/reset", f"/people/{LI_SI}")
        assert "may enter again" in words(office.get(answer.headers["location"]).text)
        assert office.submit("/people/999/inside/gym/reset", f"/people/{LI_SI}").status_code == 404
    assert gym.audited()[-1] == ("office", "zone.person_reset")


def test_api_tells_and_takes_counts(api: Visitor, gym: CountedGym) -> None:
    gym.passes(ANNA)
    (told,) = api.get("/api/v1/inside").json()
    assert (told["zone"], told["inside"], told["doubt"], told["unnamed"], told["recount"]) == (GYM, 1, 0, 0, False)
    assert api.put(f"/api/v1/inside/{GYM}", json={"inside": 4}).status_code == 204
    assert gym.inside() == (4, 0, 0)
    assert api.post(f"/api/v1/inside/{GYM}/reset", json={"holder": ANNA.hex()}).status_code == 204
    assert ("office", "zone.person_reset") in gym.audited()
    assert api.post(f"/api/v1/inside/{GYM}/empty").status_code == 204
    assert gym.inside() == (0, 0, 0)
    assert api.put("/api/v1/inside/estate", json={"inside": 4}).status_code == 404
    for body in ({"inside": -1}, {"inside": "2x"}, {}, {"inside": MAX_INSIDE + 1}):
        assert api.put(f"/api/v1/inside/{GYM}", json=body).status_code == 422
