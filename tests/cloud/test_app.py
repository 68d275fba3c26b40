"""What the web tells to whom: nobody sees anything before the login, and every role no more than is theirs."""

import re

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import NoResultFound

from cloud.app import create_app
from cloud.commands.desired import DesiredStateService
from cloud.commands.service import CommandService
from cloud.keys.keys import KeyFolder
from cloud.line.sealed_channel import SealedChannel
from cloud.store.database import Store
from cloud.web.auth import RIGHTS, Right, Role
from cloud.web.feed import LiveFeed
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import PASSWORD, PEOPLE, Town, routed

OPEN = {
    *("/health/live", "/health/ready", "/login", "/api/v1/login"),
    *("/api/v1/ca", "/api/v1/adoptions", "/api/v1/adoptions/{number}"),
    *("/hub/{hub}", "/hub/{hub}/qr", "/api/v1/hubs/{hub}"),
}
"""What answers without a login."""
OFFICE_FORMS = (
    "/parties",
    *(f"/parties/{{party}}/{act}" for act in ("name", "end", "members", "memberships", "moving")),
    "/parties/{party}/members/{member}",
    "/parties/{party}/members/{member}/end",
    "/memberships/{membership}/{step}",
    "/people/{person}/record/{step}",
    "/bars",
    "/bars/{bar}/{step}",
)
OFFICE_CALLS = (
    ("POST", "/api/v1/parties"),
    ("PATCH", "/api/v1/parties/{party}"),
    *(("POST", f"/api/v1/parties/{{party}}/{act}") for act in ("end", "members", "memberships", "moving")),
    ("POST", "/api/v1/parties/{party}/moving/preview"),
    ("PATCH", "/api/v1/party-members/{member}"),
    ("POST", "/api/v1/party-members/{member}/end"),
    ("POST", "/api/v1/memberships/{membership}/renew"),
    ("POST", "/api/v1/memberships/{membership}/end"),
    ("PUT", "/api/v1/memberships/{membership}/window"),
    ("PATCH", "/api/v1/people/{person}"),
    ("PUT", "/api/v1/people/{person}/traits"),
    *(("POST", f"/api/v1/people/{{person}}/{act}") for act in ("tags", "qualifications", "guardians", "end", "merge")),
    ("DELETE", "/api/v1/people/{person}/tags/{tag}"),
    ("DELETE", "/api/v1/people/{person}/qualifications/{name}"),
    ("DELETE", "/api/v1/people/{person}/guardians/{guardian}"),
    ("POST", "/api/v1/bars"),
    *(("POST", f"/api/v1/bars/{{bar}}/{act}") for act in ("confirm", "appeal", "lift")),
)
NEEDS: dict[tuple[str, str], Right] = {
    ("POST", "/zones"): Right.PEOPLE,
    ("POST", "/zones/{name}"): Right.PEOPLE,
    ("POST", "/zones/{name}/plans"): Right.PEOPLE,
    ("POST", "/flats"): Right.PEOPLE,
    ("POST", "/flats/{name:path}"): Right.PEOPLE,
    ("POST", "/api/v1/flats"): Right.PEOPLE,
    ("PUT", "/api/v1/flats/{name:path}"): Right.PEOPLE,
    ("POST", "/hours"): Right.PEOPLE,
    ("POST", "/hours/{name}"): Right.PEOPLE,
    ("POST", "/hours/{name}/remove"): Right.PEOPLE,
    ("POST", "/calendar"): Right.PEOPLE,
    ("POST", "/calendar/remove"): Right.PEOPLE,
    ("POST", "/calendar/remove-year"): Right.PEOPLE,
    ("POST", "/calendar/import"): Right.PEOPLE,
    ("POST", "/api/v1/hours"): Right.PEOPLE,
    ("PUT", "/api/v1/hours/{name}"): Right.PEOPLE,
    ("DELETE", "/api/v1/hours/{name}"): Right.PEOPLE,
    ("POST", "/api/v1/special-days"): Right.PEOPLE,
    ("POST", "/api/v1/special-days/import"): Right.PEOPLE,
    ("DELETE", "/api/v1/special-days/{day}/{kind}"): Right.PEOPLE,
    ("POST", "/people"): Right.PEOPLE,
    ("POST", "/people/{person}/cards"): Right.PEOPLE,
    ("POST", "/people/{person}/cards/{card}"): Right.PEOPLE,
    ("POST", "/people/{person}/memberships"): Right.PEOPLE,
    ("POST", "/people/{person}/memberships/{membership}"): Right.PEOPLE,
    ("POST", "/api/v1/people"): Right.PEOPLE,
    ("POST", "/api/v1/people/{person}/memberships"): Right.PEOPLE,
    ("POST", "/api/v1/people/{person}/credentials"): Right.PEOPLE,
    ("PATCH", "/api/v1/memberships/{membership}"): Right.PEOPLE,
    **dict.fromkeys((("POST", path) for path in OFFICE_FORMS), Right.PEOPLE),
    **dict.fromkeys(OFFICE_CALLS, Right.PEOPLE),
    **dict.fromkeys((("GET", "/bars"), ("GET", "/api/v1/bars"), ("GET", "/api/v1/bars/of")), Right.PEOPLE),
    ("GET", "/parties/{party}/moving"): Right.PEOPLE,
    ("GET", "/api/v1/people/{person}/traits"): Right.PEOPLE,
    ("PATCH", "/api/v1/credentials/{card}"): Right.PEOPLE,
    ("GET", "/doors/lockdown"): Right.DOORS,
    ("GET", "/doors/hold-open"): Right.DOORS,
    ("POST", "/doors/modes"): Right.DOORS,
    ("POST", "/doors/modes/{order}/end"): Right.DOORS,
    ("POST", "/doors/modes/{order}/renew"): Right.DOORS,
    ("POST", "/commands/{op}/{place}"): Right.DOORS,
    ("POST", "/api/v1/commands"): Right.DOORS,
    ("GET", "/zones/{zone}/drill"): Right.DOORS,
    ("POST", "/zones/{zone}/muster"): Right.DOORS,
    ("POST", "/api/v1/zones/{place}/drill"): Right.DOORS,
    ("POST", "/api/v1/points/{place}/start"): Right.DOORS,
    ("POST", "/api/v1/points/{place}/stop"): Right.DOORS,
    ("POST", "/devices/{name}/points"): Right.DEVICES,
    ("PUT", "/api/v1/devices/{name}/points/{point}"): Right.DEVICES,
    ("GET", "/devices/{name}/wiring"): Right.DEVICES,
    ("POST", "/devices/{name}/wiring"): Right.DEVICES,
    ("POST", "/rollouts/{rollout}/stop"): Right.DEVICES,
    ("POST", "/api/v1/rollouts"): Right.DEVICES,
    ("POST", "/api/v1/rollouts/{rollout}/stop"): Right.DEVICES,
    ("GET", "/adoptions"): Right.ADOPT,
    ("POST", "/adoptions"): Right.ADOPT,
    ("POST", "/adoptions/{number}/refuse"): Right.ADOPT,
    ("GET", "/devices/{name}/lost"): Right.ADOPT,
    ("POST", "/devices/{name}/lost"): Right.ADOPT,
    ("POST", "/api/v1/points/{place}/open"): Right.DOORS,
    ("POST", "/api/v1/modes"): Right.DOORS,
    ("POST", "/api/v1/modes/{order}/end"): Right.DOORS,
    ("POST", "/api/v1/modes/{order}/renew"): Right.DOORS,
    ("POST", "/api/v1/devices/{place}/commands"): Right.DEVICES,
    ("GET", "/api/v1/operators"): Right.OPERATORS,
    ("POST", "/api/v1/operators"): Right.OPERATORS,
    ("PATCH", "/api/v1/operators/{name}"): Right.OPERATORS,
}
"""What asks for more than reading."""
BODIES: dict[str, object] = {
    "/api/v1/flats": {"name": "9-901"},
    "/api/v1/flats/{name:path}": {"building": "1", "flat": "101"},
    "/api/v1/hours": {"name": "pool", "week": ["-"] * 7},
    "/api/v1/hours/{name}": {"week": ["-"] * 7},
    "/api/v1/special-days": {"days": [{"day": "2027-05-01", "kind": "rest"}]},
    "/api/v1/special-days/import": {"text": "BEGIN:VCALENDAR", "kind": "rest"},
    "/api/v1/people": {"name_en": "Qian Er"},
    "/api/v1/people/{person}/memberships": {"plan": "rider"},
    "/api/v1/people/{person}/credentials": {"format": "H10301", "facility": 21, "number": 777},
    "/api/v1/memberships/{membership}": {"standing": "active"},
    "/api/v1/credentials/{card}": {"standing": "active"},
    "/api/v1/points/{place}/open": {"reason": "a visitor"},
    "/api/v1/commands": {"op": "open_once", "place": "gym-turnstile", "reason": "a visitor"},
    "/api/v1/zones/{place}/drill": {"on": True, "reason": "the yearly drill"},
    "/api/v1/points/{place}/start": {"card": 1, "reason": "his card is bent"},
    "/api/v1/points/{place}/stop": {"session": "00112233aabbccdd", "reason": "it is hot"},
    "/api/v1/modes": {"points": "all", "mode": "hold_open", "reason": "open day", "confirm": True},
    "/api/v1/modes/{order}/end": {"reason": "it is over"},
    "/api/v1/modes/{order}/renew": {"reason": "it is not over"},
    "/api/v1/devices/{name}/points/{point}": {"zone": "gym"},
    "/api/v1/devices/{place}/commands": {"op": "send_log", "reason": "it is slow"},
    "/api/v1/rollouts": {"wirings": {"gym-turnstile": ""}, "reason": "its own file again"},
    "/api/v1/rollouts/{rollout}/stop": {"reason": "it was a mistake"},
    "/api/v1/operators": {"name": "new", "password": PASSWORD, "role": "guard"},
    "/api/v1/operators/{name}": {"disabled": False},
}
ENDLESS = {"/live", "/api/v1/stream"}
OWN_TOKEN = {"/metrics"}
"""What no login opens."""
SECRETS = re.compile(r"sunny|晴苑|uvicorn|fastapi|python|0\.1\.0|gym|turnstile|zhang", re.IGNORECASE)


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path of the application."""
    return [(method, route.path) for route in routed(app) for method in sorted(route.methods or ())]


def filled(path: str) -> str:
    """The path with something real in the place of its parameters."""
    values = {"op": "open_once", "person": "1", "card": "1", "membership": "1"}
    name = "gate" if "operators" in path else "1-101" if "flats" in path else "gym-turnstile"
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: values.get(found[1], name), path)


def test_the_matrix_below_covers_every_route(town: Town) -> None:
    known = routes(town.app)
    assert len(known) > 30
    assert set(NEEDS) <= set(known)
    changing = {(method, path) for method, path in known if method not in ("GET", "HEAD")}
    own = {("POST", "/login"), ("POST", "/logout"), ("POST", "/account/password")}
    own |= {("POST", "/api/v1/login"), ("POST", "/api/v1/logout"), ("POST", "/api/v1/adoptions")}
    assert changing == {key for key in NEEDS if key[0] != "GET"} | own


def test_without_a_login_nothing_but_the_login_and_health_answers(town: Town) -> None:
    with town.visit() as stranger:
        for method, path in routes(town.app):
            answer = stranger.request(method, filled(path), json=BODIES.get(path))
            if path in OPEN:
                assert answer.status_code < 500 or path == "/health/ready", path  # not ready yet is an answer too
            elif path.startswith("/api/") or method != "GET" or path in ENDLESS | OWN_TOKEN:
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


@pytest.mark.parametrize("name", PEOPLE)
def test_every_role_may_do_what_is_theirs_and_no_more(town: Town, name: str) -> None:
    rights = RIGHTS[PEOPLE[name]]
    with town.visit(name) as operator:
        token = operator.token("/account")
        for method, path in routes(town.app):
            if path in OPEN | ENDLESS | OWN_TOKEN or path in ("/logout", "/api/v1/logout"):
                continue
            headers = {"X-CSRF-Token": token} if path.startswith("/api/") else {}
            data = {"csrf": token, "standing": "active"} if method == "POST" and not headers else None
            answer = operator.request(method, filled(path), json=BODIES.get(path), data=data, headers=headers)
            if NEEDS.get((method, path), Right.READ) in rights:
                assert answer.status_code in (200, 201, 202, 204, 303, 400, 404, 409, 422), (method, path, answer.text)
            else:
                assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize("csrf", [None, "", "invented"])
def test_a_form_that_we_did_not_make_changes_nothing(town: Town, csrf: str | None) -> None:
    with town.visit("admin") as operator:
        for method, path in NEEDS:
            if method == "GET":
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
    assert set(PEOPLE.values()) == set(Role)
