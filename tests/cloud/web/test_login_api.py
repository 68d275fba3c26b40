"""Operators and their logins by the API."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from threading import Event

import httpx
import pytest

from cloud.web.auth import HASHING_AT_ONCE, MAX_WAITING_HASHES, NAME_FROM_ONE_ADDRESS
from tests.cloud.support.api import get, program, send
from tests.cloud.support.town import PASSWORD, PEOPLE, QUICK, Town, Visitor


class SlowHasher:
    """Judges nothing until it is let go; ``places`` says how many wait inside."""

    def __init__(self) -> None:
        self.may_go = Event()

    def verify(self, password_hash: str, password: str) -> bool:
        self.may_go.wait()
        return QUICK.verify(password_hash, password)


def test_sixty_logins_at_once_leave_the_console_awake(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thread of the pool waited for a hash, and the console answered nobody for seven seconds."""
    slow = SlowHasher()
    monkeypatch.setattr(town.authenticator, "_hasher", slow)

    def log_in(number: int) -> int:
        transport = httpx.HTTPTransport(local_address=f"127.0.1.{number}")
        with httpx.Client(base_url=town.url, transport=transport, timeout=30) as stranger:
            body = {"name": f"name-{number}", "password": "a wrong password"}
            return stranger.post("/api/v1/login", json=body).status_code

    waiting = HASHING_AT_ONCE + MAX_WAITING_HASHES
    with ThreadPoolExecutor(60) as crowd, town.visit() as visitor:
        tries = [crowd.submit(log_in, number) for number in range(60)]
        answered = [one.result() for one in islice(as_completed(tries), 60 - waiting)]
        assert answered == (60 - waiting) * [503]
        assert visitor.get("/health/ready").text == "ready"
        slow.may_go.set()
        assert sorted(one.result() for one in tries) == waiting * [401] + (60 - waiting) * [503]


def test_operators_that_look_alike_are_refused(api: Visitor, town: Town) -> None:
    with program(town, "admin") as admin:
        for name, status in (
            ("Admin", 409),
            ("admіn", 422),
            ("admin\u200b", 422),
            ("ad\u202emin", 422),
            ("admln", 201),
        ):
            body = {"name": name, "password": PASSWORD, "role": "guard"}
            assert send(admin, "/operators", body).status_code == status, name


def test_a_token_speaks_for_its_operator_until_the_logout(town: Town, api: Visitor) -> None:
    assert api.post("/api/v1/logout").status_code == 204
    assert api.get("/api/v1/devices").status_code == 401
    assert api.get("/api/v1/devices", headers={"Authorization": "Bearer"}).status_code == 401
    assert api.get("/api/v1/devices", headers={"Authorization": "Basic b2ZmaWNlOng="}).status_code == 401


def test_wrong_passwords_are_refused_until_the_name_rests(town: Town) -> None:
    with town.visit() as stranger:
        wrong = {"name": "office", "password": "not the current password"}
        for _ in range(NAME_FROM_ONE_ADDRESS.tries):
            assert stranger.post("/api/v1/login", json=wrong).status_code == 401
        right = stranger.post("/api/v1/login", json={**wrong, "password": PASSWORD})
        assert right.status_code == 401
        assert right.json()["error"] == "wrong_login"


def test_an_administrator_adds_and_disables_operators(town: Town) -> None:
    with program(town, "admin") as admin:
        new = {"name": "night", "password": PASSWORD, "role": "guard"}
        assert send(admin, "/operators", new).status_code == 201
        assert send(admin, "/operators", new).status_code == 409
        assert send(admin, "/operators", {**new, "name": "x", "password": "short"}).status_code == 422
        assert {one["name"] for one in get(admin, "/operators")} == {*PEOPLE, "night"}
        with program(town, "night") as night:
            assert night.get("/api/v1/devices").status_code == 200
            assert send(admin, "/operators/night", {"disabled": True}, "PATCH").status_code == 204
            assert night.get("/api/v1/devices").status_code == 401
        assert send(admin, "/operators/admin", {"disabled": True}, "PATCH").status_code == 409
        assert send(admin, "/operators/nobody", {"disabled": True}, "PATCH").status_code == 404
        assert "argon2" not in admin.get("/api/v1/operators").text
