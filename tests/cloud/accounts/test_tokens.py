"""Tokens of programs: what they may, for how long, and that they end with their owner."""

import re

import pytest

from cloud.accounts.words import SCOPES
from cloud.web.roles import ROLES, Right, Role
from cloud.web.tokens import MAX_TOKENS, PREFIX
from contract.decide import DAY_MS
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town, Visitor


def make(town: Town, *scopes: str, owner: str = "office", days: int = 90) -> str:
    with town.visit(owner) as visitor:
        body = {"name": "the mail merge", "scopes": list(scopes), "days": days}
        made = visitor.post("/api/v1/tokens", json=body, headers={"X-CSRF-Token": visitor.token("/account")})
        assert made.status_code == 201, made.text
        token: str = made.json()["token"]
    return token


def program(town: Town, token: str) -> Visitor:
    return Visitor(base_url=town.url, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def test_every_right_has_words() -> None:
    assert SCOPES.keys() == set(Right)


def test_token_does_what_its_scopes_say(town: Town) -> None:
    """It needs no cookie and no form's token; what it lacks is named; pages are not for it."""
    with program(town, make(town, "directory", "people")) as mail:
        assert mail.get("/api/v1/people").status_code == 200
        assert mail.post("/api/v1/people", json={"name_en": "Qian Er"}).status_code == 201
        refused = mail.get("/api/v1/audit")
        assert (refused.status_code, refused.json()["error"], refused.json()["scope"]) == (
            403,
            "missing_scope",
            "audit",
        )
        assert mail.get("/people").status_code == 303


def test_token_never_may_more_than_its_owner(town: Town) -> None:
    with town.visit("gate") as guard:
        body = {"name": "x", "scopes": ["doors", "operators"]}
        refused = guard.post("/api/v1/tokens", json=body, headers={"X-CSRF-Token": guard.token("/account")})
        assert refused.status_code == 422 and "leave out operators" in refused.json()["message"]
    token = make(town, "directory", "people")
    with town.visit("admin") as admin, program(town, token) as mail:
        admin.submit("/operators/office/role", "/operators", role="guard")
        assert mail.get("/api/v1/people").status_code == 403
        admin.submit("/operators/office/role", "/operators", role="staff")
        assert mail.get("/api/v1/people").status_code == 200


@pytest.mark.parametrize("how", ["disable", "remove", "logout"])
def test_token_ends_with_its_owner(town: Town, how: str) -> None:
    token = make(town, "directory")
    with town.visit("admin") as admin, program(town, token) as mail:
        assert mail.get("/api/v1/people").status_code == 200
        assert admin.submit(f"/operators/office/{how}", "/operators").status_code == 303
        assert mail.get("/api/v1/people").status_code == 401


def test_token_ends_on_its_day_and_by_hand(town: Town) -> None:
    token, other = make(town, "directory", days=1), make(town, "directory")
    with program(town, token) as mail, program(town, other) as second:
        assert mail.get("/api/v1/people").status_code == 200
        with town.visit("office") as office:
            page = words(office.get("/account").text)
            assert "the mail merge See people and flats · until" in page and "last used 16:00:00" in page
            ids = re.findall(r"/account/tokens/(\d+)/end", office.get("/account").text)
            assert office.submit(f"/account/tokens/{ids[0]}/end", "/account").status_code == 303
            assert "There is no such token" in words(office.submit(f"/account/tokens/{ids[0]}/end", "/account").text)
        assert second.get("/api/v1/people").status_code == 401
        town.now_ms += DAY_MS
        assert mail.get("/api/v1/people").status_code == 401


def test_token_of_somebody_else_is_not_ended(town: Town) -> None:
    make(town, "directory")
    with town.visit("gate") as gate:
        token = gate.token("/account")
        assert gate.delete("/api/v1/tokens/1", headers={"X-CSRF-Token": token}).status_code == 404


def test_token_makes_no_token_and_ends_no_login(town: Town) -> None:
    with program(town, make(town, *(sorted(ROLES[Role.STAFF].rights)))) as mail:
        assert mail.get("/api/v1/tokens").status_code == 200
        assert mail.post("/api/v1/tokens", json={"name": "y", "scopes": ["read"]}).status_code == 403
        assert mail.post("/api/v1/logout").status_code == 403


def test_token_without_movements_sees_none(town: Town) -> None:
    """Its owner may look for a purpose; the token was not given that."""
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"))
    with program(town, make(town, "read")) as mail, program(town, make(town, "read", "movements")) as looking:
        assert mail.get("/api/v1/events?person=5").status_code == 403
        assert looking.get("/api/v1/events?person=5").json()["error"] == "purpose_needed"


def test_page_shows_a_token_once(town: Town) -> None:
    with town.visit("office") as office:
        made = office.submit("/account/tokens", "/account", name="x", days="7", scope="directory").text
        (token,) = re.findall(rf"<code>({PREFIX}[\w-]+)</code>", made)
        assert token not in office.get("/account").text
        with program(town, token) as mail:
            assert mail.get("/api/v1/people").status_code == 200
        refused = office.submit("/account/tokens", "/account", name="x", days="900", scope="directory")
        assert "1 to 366 days" in words(refused.text)
        assert "Choose what the token may do" in words(
            office.submit("/account/tokens", "/account", name="x", days="1").text
        )


def test_name_that_hides_something_is_refused(town: Town) -> None:
    with town.visit("office") as office:
        body = {"name": "x\x7f", "scopes": ["read"]}
        refused = office.post("/api/v1/tokens", json=body, headers={"X-CSRF-Token": office.token("/account")})
        assert refused.status_code == 422 and "cannot be seen" in refused.json()["message"]


def test_tokens_of_one_are_bounded(town: Town) -> None:
    for _ in range(MAX_TOKENS):
        make(town, "read")
    with town.visit("office") as office:
        body = {"name": "x", "scopes": ["read"]}
        full = office.post("/api/v1/tokens", json=body, headers={"X-CSRF-Token": office.token("/account")})
        assert full.status_code == 409


def test_guessed_token_is_nobody(town: Town) -> None:
    for guess in (PREFIX, f"{PREFIX}{'a' * 43}", f"{PREFIX}\u00e9", f"{PREFIX}{'x' * 5_000}"):
        with program(town, guess.encode("ascii", "ignore").decode()) as stranger:
            assert stranger.get("/api/v1/people").status_code == 401


def test_other_authorization_needs_the_form_token(town: Town) -> None:
    """A cookie speaks for whoever sends one: a header that is no bearer token excuses nothing."""
    with town.visit("office") as office:
        answer = office.post("/api/v1/people", json={"name_en": "Qian Er"}, headers={"Authorization": "Basic eDp5"})
        assert answer.status_code == 403


def test_new_password_ends_tokens(town: Town) -> None:
    token = make(town, "directory")
    town.authenticator.reset_password("office", "another long word", "admin")
    with program(town, token) as mail:
        assert mail.get("/api/v1/people").status_code == 401
