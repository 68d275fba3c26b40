"""What the web tells to whom: nobody sees anything before the login, and every role no more than is theirs."""

import re

import pytest
from sqlalchemy.exc import NoResultFound

from cloud.app import create_app
from cloud.commands.desired import DesiredStateService
from cloud.commands.service import CommandService
from cloud.keys.keys import KeyFolder
from cloud.line.sealed_channel import SealedChannel
from cloud.store.database import Store
from cloud.web.feed import LiveFeed
from cloud.web.roles import Role
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import PASSWORD, PEOPLE, Town
from tests.cloud.support.who_may import BODIES, ENDLESS, EVERYBODY, OWN_TOKEN, PUBLIC, TABLE, filled, routes

SECRETS = re.compile(r"sunny|晴苑|uvicorn|fastapi|python|0\.1\.0|gym|turnstile|zhang", re.IGNORECASE)


def test_without_a_login_nothing_but_the_login_and_health_answers(town: Town) -> None:
    with town.visit() as stranger:
        for method, path in routes(town.app):
            answer = stranger.request(method, filled(path), json=BODIES.get(path))
            if path in PUBLIC - {OWN_TOKEN}:
                assert answer.status_code < 500 or path == "/health/ready", path  # not ready yet is an answer too
            elif path.startswith("/api/") or method != "GET" or path in {*ENDLESS, OWN_TOKEN}:
                assert answer.status_code == 401, (method, path)
            else:
                assert answer.status_code == 303, (method, path)
                assert answer.headers["location"].startswith("/login?next="), path
            if path == "/api/v1/ca":  # a certificate is random letters, which may spell anything
                continue
            said = answer.text.replace(filled(path), "")  # the address they typed themselves is no news
            assert not SECRETS.search(said), (method, path)
            told = {name: value for name, value in answer.headers.items() if name != "location"}
            assert not SECRETS.search(str(told)), (method, path)


def test_an_unknown_address_says_nothing_either(town: Town) -> None:
    with town.visit() as stranger:
        for path in ("/nothing", "/api/v1/nothing", "/docs", "/redoc", "/openapi.json", "/assets/nothing"):
            answer = stranger.get(path)
            assert answer.status_code == 404
            assert not SECRETS.search(answer.text)


@pytest.mark.parametrize("csrf", [None, "", "invented"])
def test_a_form_that_we_did_not_make_changes_nothing(town: Town, csrf: str | None) -> None:
    with town.visit("admin") as operator:
        for method, path in set(TABLE) - EVERYBODY:
            if method == "GET" or path in PUBLIC:
                continue
            data = {} if csrf is None else {"csrf": csrf}
            headers = {} if csrf is None else {"X-CSRF-Token": csrf}
            body = BODIES.get(path)
            answer = operator.request(method, filled(path), json=body, data=None if body else data, headers=headers)
            assert answer.status_code == 403, (method, path)
        assert operator.post("/logout", data={} if csrf is None else {"csrf": csrf}).status_code == 403
        assert operator.get("/account").status_code == 200
    assert town.changes == 0


def test_the_token_of_one_login_is_worth_nothing_in_another(town: Town) -> None:
    with town.visit("admin") as one, town.visit("admin") as other:
        assert one.post("/logout", data={"csrf": other.token("/account")}).status_code == 403


def test_a_login_form_from_elsewhere_logs_nobody_in(town: Town) -> None:
    with town.visit() as stranger:
        fields = {"name": "admin", "password": PASSWORD}
        assert stranger.post("/login", data=fields).status_code == 403
        assert stranger.post("/login", data={**fields, "csrf": "x"}).status_code == 403
        token = stranger.token("/login")
        stranger.cookies.clear()
        assert stranger.post("/login", data={**fields, "csrf": token}).status_code == 403


def test_every_answer_forbids_foreign_code_and_being_framed(town: Town) -> None:
    with town.visit("admin") as operator:
        for path in ("/", "/login", "/nothing", "/health/live", "/assets/live.js", "/api/v1/devices", "/api/v1/x"):
            headers = operator.get(path).headers
            policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
            assert policy["frame-ancestors"] == "'none'"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"


def test_only_a_style_or_script_of_this_version_is_kept_by_browsers(town: Town) -> None:
    with town.visit() as stranger:
        styles = re.search(r'href="(/assets/hg.css\?v=\w+)"', stranger.get("/login").text)
        assert styles
        assert "immutable" in stranger.get(styles[1]).headers["cache-control"]


def test_the_login_cookie_is_out_of_reach_of_scripts_and_other_sites(town: Town) -> None:
    with town.visit() as visitor:
        cookie = next(one for one in visitor.log_in().headers.get_list("set-cookie") if one.startswith("hg_login="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie


def test_over_https_the_cookie_never_travels_in_the_clear(town: Town) -> None:
    with town.visit() as visitor:
        visitor.headers["X-Forwarded-Proto"] = "https"
        answer = visitor.post(
            "/login", data={"csrf": "t", "name": "admin", "password": PASSWORD}, headers={"Cookie": "hg_form=t"}
        )
    assert answer.status_code == 303
    assert all("Secure" in cookie for cookie in answer.headers.get_list("set-cookie") if "hg_login=" in cookie)
    assert "max-age" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/events?kind=door", "/events?kind=door"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_after_the_login_one_is_back_on_our_page_and_nowhere_else(town: Town, wanted: str, leads_to: str) -> None:
    with town.visit() as visitor:
        answer = visitor.submit("/login", "/login", name="admin", password=PASSWORD, next=wanted)
        assert answer.headers["location"] == leads_to


def test_a_body_too_long_is_refused_unread(town: Town) -> None:
    with town.visit() as stranger:
        assert stranger.post("/api/v1/login", content=b"x" * 100_000).status_code == 413


def test_the_cloud_is_ready_when_its_feed_runs(town: Town) -> None:
    with town.visit() as stranger:
        assert stranger.get("/health/live").text == "alive"
        assert stranger.get("/health/ready").status_code == 200
        town.broker_is_there = False
        answer = stranger.get("/health/ready")
        assert (answer.status_code, answer.text) == (503, "the broker does not answer")
        town.broker_is_there = True
        town.feed.close()
        while stranger.get("/health/ready").status_code == 200:
            pass
        assert stranger.get("/health/live").text == "alive"


def test_a_database_without_a_site_is_no_cloud(store: Store, keys: KeyFolder) -> None:
    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        raise AssertionError

    desired_state = DesiredStateService(store, SealedChannel(publish, SITE, "config", keys.config), lambda: 0)
    commands = CommandService(
        store, SealedChannel(publish, SITE, "command", keys.command), connected=lambda: False, clock=lambda: 0
    )
    with pytest.raises(NoResultFound):
        create_app(
            store,
            keys=keys,
            feed=LiveFeed(),
            clock=lambda: 0,
            commands=commands,
            desired_state=desired_state,
            demo=False,
        )


def test_roles_in_the_sample_are_all_roles() -> None:
    assert {role for role, _ in PEOPLE.values()} == set(Role)
