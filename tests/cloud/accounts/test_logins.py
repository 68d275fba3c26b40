"""The logins of an operator: listed, known again, ended, and never more than a few."""

import pytest

from cloud.web.browsers import browser_of
from cloud.web.operators import MAX_LOGINS, SEEN_EVERY_MS, Operator, list_operators
from contract.decide import MINUTE_MS
from tests.cloud.support.pages import words
from tests.cloud.support.town import PASSWORD, Town

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0"
WECHAT = (
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116 Mobile Safari/537.36 "
    "MicroMessenger/8.0.49"
)


@pytest.mark.parametrize(
    ("agent", "name"),
    [(FIREFOX, "Firefox, Windows"), (WECHAT, "WeChat, Android"), ("curl/8.5.0", "curl"), ("", ""), ("x" * 9_000, "")],
)
def test_browser_is_called_in_two_words(agent: str, name: str) -> None:
    assert browser_of(agent) == name


def test_logins_are_listed_and_ended(town: Town) -> None:
    """One by one, and all others at once; who has ended is told to log in, and the audit says so."""
    with town.visit("gate") as here, town.visit() as there, town.visit("gate") as third:
        there.headers["User-Agent"] = FIREFOX
        assert there.log_in("gate").status_code == 303
        town.now_ms += MINUTE_MS
        page = words(here.get("/account").text)
        assert page.count("this one") == 1 and "Firefox, Windows 127.0.0.1 · since 16:00:00" in page
        listed = here.get("/api/v1/logins").json()
        (other,) = (one["name"] for one in listed if one["browser"] == "Firefox, Windows")
        assert [one["is_this"] for one in listed].count(True) == 1
        assert here.submit(f"/account/logins/{other}/end", "/account").status_code == 303
        assert there.get("/account").status_code == 303
        again = here.submit(f"/account/logins/{other}/end", "/account")
        assert "This login has ended already." in words(again.text)
        assert third.get("/account").status_code == 200
        assert here.submit("/account/logins/others/end", "/account").status_code == 303
        assert third.get("/account").status_code == 303
        assert here.get("/account").status_code == 200
    with town.visit("admin") as admin:
        assert "Ended a login" in admin.get("/audit").text


def test_login_of_somebody_else_is_not_ended(town: Town) -> None:
    with town.visit("gate") as gate, town.visit("office") as office:
        (name,) = (one["name"] for one in gate.get("/api/v1/logins").json())
        token = office.token("/account")
        assert office.delete(f"/api/v1/logins/{name}", headers={"X-CSRF-Token": token}).status_code == 404
        assert gate.get("/account").status_code == 200


def test_many_logins_leave_the_newest(town: Town) -> None:
    """Whoever logs in by a program, again and again, ends their own oldest logins and nobody else's."""
    with town.visit("office") as office:
        (gate,) = (one for one in _operators(town) if one.name == "gate")
        secrets = []
        for number in range(3 * MAX_LOGINS):
            town.now_ms += 1 + number % 2
            secrets.append(town.authenticator.log_in("gate", PASSWORD, "192.0.2.7")[0])
        assert len(town.authenticator.logins_of(gate)) == MAX_LOGINS
        stand = [town.authenticator.login_of(secret) is not None for secret in secrets]
        assert stand == [False] * 2 * MAX_LOGINS + [True] * MAX_LOGINS
        assert office.get("/account").status_code == 200


def test_use_of_a_login_is_noted(town: Town) -> None:
    secret, login = town.authenticator.log_in("gate", PASSWORD, "192.0.2.7")
    for after_ms in (SEEN_EVERY_MS - 1, 1, SEEN_EVERY_MS - 1):
        town.now_ms += after_ms
        assert town.authenticator.login_of(secret)
    (seen,) = {one.seen_ms for one in town.authenticator.logins_of(login.operator)}
    assert seen == login.created_ms + SEEN_EVERY_MS


def _operators(town: Town) -> list[Operator]:
    with town.store.reading() as connection:
        return list_operators(connection)
