"""Operators as programs change them."""

import pytest

from cloud.duties.rule import Cell
from cloud.duties.store import put_cell
from tests.cloud.support.api import get, program, send
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import PASSWORD, Town


def test_program_adds_changes_and_removes_an_operator(town: Town) -> None:
    with program(town, "admin") as admin:
        new = {"name": "night", "password": PASSWORD, "role": "cell_worker", "of": "3-1, 3-2,3-1"}
        assert send(admin, "/operators", new).status_code == 201
        assert next(one for one in get(admin, "/operators") if one["name"] == "night")["of"] == "3-1,3-2"
        with program(town, "night") as worker:
            assert worker.get("/api/v1/people").json()["people"] == []
            assert send(admin, "/operators/night", {"role": "guard"}, "PATCH").status_code == 204
            assert worker.get("/api/v1/people").status_code == 403
            assert worker.get("/api/v1/events").status_code == 200
            assert send(admin, "/operators/night/logout", None).status_code == 204
            assert worker.get("/api/v1/events").status_code == 401
        last = next(one for one in get(admin, "/operators") if one["name"] == "night")["last_login_ms"]
        assert last == town.now_ms
        assert admin.delete("/api/v1/operators/night").status_code == 204
        assert admin.delete("/api/v1/operators/night").status_code == 404


def test_cell_worker_sees_the_cell_of_that_name(town: Town) -> None:
    """As it stands at the time."""
    with town.store.writing() as connection:
        put_cell(connection, SITE, Cell("north", units=("1",)))
    with program(town, "admin") as admin:
        new = {"name": "night", "password": PASSWORD, "role": "cell_worker", "of": "north"}
        assert send(admin, "/operators", new).status_code == 201
    with program(town, "night") as worker:
        assert {one["flat"]["building"] for one in get(worker, "/flats")["flats"]} == {"1"}
        with town.store.writing() as connection:
            put_cell(connection, SITE, Cell("north", units=("2", "3")))
        assert {one["flat"]["building"] for one in get(worker, "/flats")["flats"]} == {"2", "3"}


@pytest.mark.parametrize(
    ("change", "status"),
    [({"role": "steward"}, 422), ({"role": "steward", "of": "moon"}, 422), ({"role": "king"}, 422), ({"of": 1}, 422)],
)
def test_wrong_role_changes_nothing(town: Town, change: dict[str, object], status: int) -> None:
    with program(town, "admin") as admin:
        before = get(admin, "/operators")
        assert send(admin, "/operators/gate", change, "PATCH").status_code == status
        assert get(admin, "/operators") == before


def test_nobody_disables_themselves(town: Town) -> None:
    with program(town, "admin") as admin:
        assert send(admin, "/operators/admin", {"disabled": True}, "PATCH").status_code == 409
