"""A rider at the gate: from the poster to a code, with one tap of the guard; and what robots and strangers get."""

import re
from urllib.parse import urlsplit

import pytest

from cloud.bars.rule import BarGround
from cloud.bars.service import BarService
from cloud.joining.rule import MAX_OF_PHONE, MAX_WAITING, SHOWN_MS, WAITS_MS
from cloud.joining.service import JoinService, forget_requests
from cloud.joining.store import delete_requests
from cloud.permits.service import PermitService
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS, HOUR_MS
from tests.cloud.support.pages import words
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town, Visitor

RIDER = {"name": "Wang", "phone": "138 0013 8000", "consent": "on"}


def asks(rider: Visitor, **fields: str) -> str:
    """The path of the page on which a rider waits, or what is said against them."""
    answer = rider.post("/join/hub", data={**RIDER, **fields})
    return urlsplit(answer.headers["location"]).path if answer.status_code == 303 else words(answer.text)


def test_rider_has_a_code_after_one_tap(town: Town) -> None:
    """Three taps and two fields: agree, ask, and the code is there; the guard has tapped once."""
    with town.visit() as rider, town.visit("gate") as gate:
        assert "Let me in" in rider.get("/join/hub").text
        page = asks(rider)
        assert "The guard is asked" in rider.get(page).text
        assert "Wang …8000" in words(gate.get("/riders").text)
        assert gate.submit("/riders/1/let-in", "/riders").status_code == 303
        found = re.search(r'class="code">(\d{6}) #', rider.get(page).text)
        assert found
        assert "Rider · Wang Valid has a code" in words(gate.get("/permits").text)
        assert "Nobody waits" in gate.get("/riders").text
        assert gate.submit("/riders/1/let-in", "/permits").status_code == 422
        town.now_ms += SHOWN_MS
        assert found[1] not in rider.get(page).text


def test_quicker_guard_has_let_the_rider_in(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two guards tap at once: the rider has one permit, and the second guard is told."""
    permits = PermitService(town.store, town.keys, town.clock)
    joining = JoinService(town.store, town.keys, town.clock, permits)
    joining.ask("hub", "Wang", "13800138000", consents=True)
    (known,) = joining.waiting()
    joining.let_in("gate", known.id)
    monkeypatch.setattr(joining, "_known", lambda _: known)
    with pytest.raises(Rejected, match="Nobody waits"):
        joining.let_in("admin", known.id)
    views = [permits.find(number) for number in (1, 2)]
    assert [view.permit.ended_by for view in views if view is not None] == ["", "admin"]


def test_refused_rider_is_sent_to_the_guard(town: Town) -> None:
    with town.visit() as rider, town.visit("gate") as gate:
        page = asks(rider)
        gate.submit("/riders/1/refused", "/riders")
        assert "Go to the guard" in rider.get(page).text
        late = asks(rider)
        town.now_ms += WAITS_MS
        assert "Go to the guard" in rider.get(late).text
        assert "Nobody waits" in gate.get("/riders").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"consent": ""}, "Tick that you agree"),
        ({"name": " "}, "Write your name"),
        ({"name": "x" * 30}, "check every field"),
        ({"phone": "12"}, "5 to 15 digits"),
    ],
)
def test_wrong_form_keeps_what_was_typed(town: Town, fields: dict[str, str], said: str) -> None:
    with town.visit() as rider:
        answer = rider.post("/join/hub", data={**RIDER, **fields})
        assert answer.status_code == 422 and said in answer.text
        assert f'value="{ {**RIDER, **fields}["phone"] }"' in answer.text
    with town.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM join_requests").scalar() == 0


def test_robot_is_answered_and_not_kept(town: Town) -> None:
    with town.visit() as robot, town.visit("gate") as gate:
        assert "The guard is asked" in robot.get(asks(robot, company="Buy now")).text
        assert "Nobody waits" in gate.get("/riders").text


def test_one_telephone_asks_only_so_often(town: Town) -> None:
    with town.visit() as rider:
        for _ in range(MAX_OF_PHONE):
            assert asks(rider).startswith("/join/hub/")
        assert "go to the guard" in asks(rider)
        town.now_ms += HOUR_MS
        assert asks(rider).startswith("/join/hub/")


def test_queue_of_a_hub_has_an_end(town: Town) -> None:
    with town.visit() as rider:
        for number in range(MAX_WAITING):
            assert asks(rider, phone=f"1380013{number:04}").startswith("/join/hub/")
        assert "Too many wait here" in asks(rider, phone="13900000000")


def test_barred_telephone_is_told_nothing(town: Town) -> None:
    bars = BarService(town.store, town.keys, town.clock)
    bars.confirm("wu", bars.enter("lin", BarGround.THEFT, town.now_ms + DAY_MS, phone="13800138000"))
    with town.visit() as rider:
        said = asks(rider)
        assert "Go to the guard" in said and "theft" not in said.lower()


def test_unknown_hub_and_secret_show_nothing(town: Town) -> None:
    with town.visit() as rider:
        assert rider.get("/join/nowhere").status_code == 404
        assert rider.post("/join/nowhere", data=RIDER).status_code == 404
        assert "The guard is asked" in rider.get("/join/hub/nonsense").text
        assert "<svg" in rider.get("/join/hub/poster").text


def test_requests_are_deleted_after_their_term(town: Town) -> None:
    with town.visit() as rider:
        asks(rider)
    with town.store.writing() as connection:
        assert delete_requests(connection, SITE, town.now_ms) == 0
        assert delete_requests(connection, SITE, town.now_ms + 1) == 1
    with town.visit() as rider:
        asks(rider)
    forget_requests(town.store, lambda: town.now_ms + 31 * DAY_MS)
    with town.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM join_requests").scalar() == 0
