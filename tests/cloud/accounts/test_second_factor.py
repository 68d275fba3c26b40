"""A code besides the password: as apps make it, once each, throttled, and codes on paper for when the app is lost."""

import re
from base64 import b32decode

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from hypothesis import given
from hypothesis import strategies as st

from cloud.web.second_factor import DIGITS, OF_CODES, STEP_S, matching_step
from cloud.web.tables import second_factors
from tests.cloud.support.orders import deeds
from tests.cloud.support.pages import words
from tests.cloud.support.town import PASSWORD, Town, Visitor

RFC_SECRET = b"12345678901234567890"
"""RFC 6238, appendix B, and its times with the last six of their eight digits."""
RFC_CODES = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"}


def code_at(secret: bytes, now_ms: int) -> str:
    return TOTP(secret, DIGITS, SHA1(), STEP_S).generate(now_ms // 1000).decode()


@pytest.mark.parametrize(("at_s", "code"), RFC_CODES.items())
def test_vectors_of_the_rfc_hold(at_s: int, code: str) -> None:
    assert matching_step(RFC_SECRET, code, at_s * 1000, 0) == at_s // STEP_S


@given(st.binary(min_size=20, max_size=20), st.integers(10**9, 4 * 10**9), st.integers(-3, 3))
def test_code_counts_half_a_minute_either_way(secret: bytes, at_s: int, off: int) -> None:
    now = at_s // STEP_S
    code = code_at(secret, (now + off) * STEP_S * 1000)
    found = matching_step(secret, code, at_s * 1000, 0)
    assert (found == now + off) if abs(off) <= 1 else (found is None or found != now + off)
    assert matching_step(secret, code, at_s * 1000, now + 1) is None


class Guard:
    """A guard with an app on the telephone."""

    def __init__(self, town: Town) -> None:
        self.town = town
        with town.visit("gate") as visitor:
            page = visitor.submit("/account/factor", "/account").text
            found = re.search(r"<p><code>([A-Z2-7]{32})</code></p>", page)
            assert found and "<svg" in page
            self.secret = b32decode(found[1])
            shown = visitor.submit("/account/factor/confirm", "/account", code=self.code()).text
            self.on_paper = re.findall(r"<code>([A-Z2-9-]{19})</code>", shown)
            assert "a code of your app is asked" in words(visitor.get("/account").text)

    def code(self) -> str:
        return code_at(self.secret, self.town.now_ms)

    def wrong_code(self) -> str:
        return "000000" if self.code() != "000000" else "000001"


def give(visitor: Visitor, code: str) -> tuple[int, str]:
    """What the second step of a login answers: its status, and where it leads or what it says."""
    token = re.search(r'name="csrf" value="([^"]+)"', visitor.get("/login/code").text)
    assert token
    given = visitor.post("/login/code", data={"csrf": token[1], "code": code, "next": "/doors"})
    return given.status_code, given.headers.get("location", words(given.text))


def log_in(visitor: Visitor, code: str) -> tuple[int, str]:
    assert visitor.log_in("gate").headers["location"].startswith("/login/code")
    return give(visitor, code)


def test_code_is_asked_besides_the_password(town: Town) -> None:
    guard = Guard(town)
    town.now_ms += 60_000
    with town.visit() as visitor:
        assert visitor.get("/account").status_code == 303
        status, said = log_in(visitor, guard.wrong_code())
        assert status == 401 and "not the code of this moment" in said
        assert visitor.get("/account").status_code == 303
        assert log_in(visitor, guard.code()) == (303, "/doors")
        assert visitor.get("/account").status_code == 200
    with town.visit() as other:
        assert log_in(other, guard.code())[0] == 401  # it was used
        town.now_ms += STEP_S * 1000
        assert log_in(other, f" {guard.code()[:3]} {guard.code()[3:]} ")[0] == 303


def test_password_is_needed_before_the_code(town: Town) -> None:
    guard = Guard(town)
    town.now_ms += 60_000
    with town.visit() as stranger:
        status, said = give(stranger, guard.code())
        assert status == 401 and "begin again" in said


def test_half_a_login_ends_after_minutes(town: Town) -> None:
    guard = Guard(town)
    with town.visit() as visitor:
        visitor.log_in("gate")
        town.now_ms += 6 * 60_000
        assert give(visitor, guard.code())[0] == 401


def test_new_password_ends_half_a_login(town: Town) -> None:
    guard = Guard(town)
    town.now_ms += 60_000
    with town.visit() as visitor:
        visitor.log_in("gate")
        town.authenticator.reset_password("gate", "another long word", "admin")
        assert give(visitor, guard.code())[0] == 401


def test_wrong_codes_are_throttled(town: Town) -> None:
    """From whatever half of a login they come; the right one waits too."""
    guard = Guard(town)
    town.now_ms += 60_000
    with town.visit() as visitor:
        for _ in range(OF_CODES.tries):
            assert log_in(visitor, guard.wrong_code())[0] == 401
        assert log_in(visitor, guard.code())[0] == 429
        town.now_ms += OF_CODES.window_ms
        assert log_in(visitor, guard.code())[0] == 303


def test_paper_does_once_where_the_app_is_lost(town: Town) -> None:
    guard = Guard(town)
    assert len(set(guard.on_paper)) == 10
    with town.visit() as visitor:
        assert log_in(visitor, guard.on_paper[0].lower().replace("-", " "))[0] == 303
    with town.visit() as visitor:
        assert log_in(visitor, guard.on_paper[0])[0] == 401
        assert log_in(visitor, guard.on_paper[1])[0] == 303
    assert [one["action"] for one in deeds(town)].count("factor.paper_used") == 2


def test_factor_ends_by_a_code_or_an_administrator(town: Town) -> None:
    guard = Guard(town)
    town.now_ms += 60_000
    with town.visit() as visitor, town.visit("admin") as admin:
        assert log_in(visitor, guard.code())[0] == 303
        town.now_ms += 60_000
        assert visitor.submit("/account/factor/end", "/account", code="123").status_code == 422
        assert visitor.submit("/account/factor", "/account").status_code == 409
        assert "a code of your app is asked" in words(visitor.get("/account").text)
        assert admin.submit("/operators/gate/factor/end", "/operators").status_code == 303
        assert "Set up a second factor" in words(visitor.get("/account").text)
    with town.visit("gate") as visitor:
        assert visitor.get("/account").status_code == 200


def test_code_of_the_app_ends_the_factor(town: Town) -> None:
    guard = Guard(town)
    town.now_ms += 60_000
    with town.visit() as visitor:
        log_in(visitor, guard.code())
        town.now_ms += 60_000
        assert visitor.submit("/account/factor/end", "/account", code=guard.code()).status_code == 303
    with town.visit("gate") as visitor:
        assert visitor.get("/account").status_code == 200


def test_secret_is_sealed_in_the_database(town: Town) -> None:
    guard = Guard(town)
    with town.store.reading() as connection:
        (row,) = connection.execute(second_factors.select()).all()
    assert guard.secret not in row.sealed and guard.secret.hex().encode() not in row.sealed


def test_unconfirmed_factor_asks_for_nothing(town: Town) -> None:
    with town.visit("gate") as visitor:
        visitor.submit("/account/factor", "/account")
        assert visitor.submit("/account/factor/confirm", "/account", code="12").status_code == 422
    with town.visit("gate") as visitor:
        assert visitor.get("/account").status_code == 200


def test_program_sends_the_code_with_the_password(town: Town) -> None:
    guard = Guard(town)
    town.now_ms += 60_000
    body = {"name": "gate", "password": PASSWORD}
    with town.visit() as visitor:
        assert "send the code" in visitor.post("/api/v1/login", json=body).json()["message"]
        assert visitor.post("/api/v1/login", json={**body, "code": guard.code()}).status_code == 200


def test_removed_operator_takes_the_factor_along(town: Town) -> None:
    Guard(town)
    with town.visit("admin") as admin:
        assert admin.submit("/operators/gate/remove", "/operators").status_code == 303
    with town.store.reading() as connection:
        assert connection.execute(second_factors.select()).all() == []
