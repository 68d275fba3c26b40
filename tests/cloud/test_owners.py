"""Guessing ids: whoever sees a part asks for something of another part by every route that takes an id, and by every
method. The routes come from the application: a new one that takes an id of something owned is asked too."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing

import httpx
import pytest

from cloud.permits.kinds import PermitKind
from cloud.permits.service import PermitAsked, PermitService
from cloud.web.operators import Operator, list_operators
from cloud.web.roles import Right
from cloud.web.tokens import TokenService
from contract.decide import Mode
from tests.cloud.support.day import a_day
from tests.cloud.support.hub import DEVICE, SESSION
from tests.cloud.support.pages import words
from tests.cloud.support.phones import a_phone, token_of
from tests.cloud.support.town import Town, Visitor
from tests.cloud.support.who_may import BODIES, ENDLESS, TABLE

SECRET = "a surgeon"
"""The name of somebody else's visitor."""
REFUSED = {303, 403, 404, 409, 422}
"""A phone is led back to its list; nothing is changed, and nothing is said of what it asked for."""
UNWATCHED = ("audit", "logins", "operators", "looks", "phones", "phone_logins")
"""Tables in which it stands that somebody asked, and when."""
PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
OF_OTHERS: Mapping[str, Mapping[str, str]] = {
    "steward": {
        "point": "east-gate",
        "name": "east-gate",
        "zone": "estate",
        "arrival": "2",
        "command": "{order}",
        "device": DEVICE,
        "session": SESSION,
    },
    "cell": {"name": "1-101", "person": "7"},
    "company": {"party": "2", "member": "1"},
    "phone": {"permit": "{permit}", "card": "1", "child": "9", "kind": "csv"},
}
"""By whom asks: what stands in the place of each parameter, and is somebody else's."""
ROLE_OF = {"steward": "steward", "cell": "cell_worker", "company": "clerk"}
ONES_OWN = {"/me/data.{kind}"}
"""What the parameter of these names is nobody's: a form of one's own data."""


def asked(who: str) -> Iterator[tuple[str, str]]:
    """The methods and addresses at which somebody asks for what an id names."""
    for (method, path), row in TABLE.items():
        mine = "phone" in row.values() if who == "phone" else row[ROLE_OF[who]] == "own"
        if mine and PARAMETER.search(path) and path not in ENDLESS | ONES_OWN:
            yield method, path


def dump(town: Town) -> list[str]:
    """All that is stored, but for that somebody asked."""
    file = town.store.engine.url.database
    assert file
    with closing(sqlite3.connect(file)) as connection:
        lines = connection.iterdump()
        return [line for line in lines if not any(f'INTO "{table}"' in line for table in UNWATCHED)]


@pytest.fixture
def others(town: Town) -> Mapping[str, str]:
    """Things of others: an event and an order at the east gate, a permit of the office, a day of everybody."""
    a_day(town)
    (order,) = town.commands.issue("open_once", "east-gate", {}, "gate", "a parcel")
    town.desired_state.set_mode(["east-gate"], Mode.HOLD_OPEN, "gate", "moving house")
    permits = PermitService(town.store, town.keys, town.clock)
    permit = permits.draw("office", PermitAsked(kind=PermitKind.GUEST, name=SECRET, flat="2-502", code=True)).permit
    return {"{order}": order, "{permit}": str(permit)}


def fill(who: str, path: str, others: Mapping[str, str]) -> str:
    """The address with ids of others. A parameter that nobody has said anything about is an error."""
    values = OF_OTHERS[who]

    def value(found: re.Match[str]) -> str:
        assert found[1] in values, f"say in OF_OTHERS what {found[1]} of others is, for {path}"
        return others.get(values[found[1]], values[found[1]])

    return PARAMETER.sub(value, path)


def ask(visitor: Visitor, method: str, path: str, address: str, token: str) -> httpx.Response:
    headers = {"X-CSRF-Token": token} if path.startswith("/api/") else {}
    data = {"csrf": token, "inside": "3", "purpose": "audit"} if method != "GET" and not headers else None
    return visitor.request(method, address, json=BODIES.get(path) if headers else None, data=data, headers=headers)


@pytest.mark.parametrize("who", OF_OTHERS)
def test_ids_of_others_lead_nowhere(town: Town, others: Mapping[str, str], who: str) -> None:
    """Refused or not there, by every method; nothing is changed, and nothing is said."""
    routes = list(asked(who))
    assert len(routes) > 2
    with a_phone(town) if who == "phone" else town.visit(who) as visitor:
        token = token_of(visitor) if who == "phone" else visitor.token("/account")
        before = dump(town)
        for method, path in routes:
            answer = ask(visitor, method, path, fill(who, path, others), token)
            assert answer.status_code in REFUSED, (method, path, answer.status_code, words(answer.text)[:300])
            assert SECRET not in answer.text, (method, path)
            assert dump(town) == before, (method, path)


def test_account_of_another_is_nobodys(town: Town) -> None:
    """Logins and tokens are found among one's own alone, whoever asks: an administrator's too."""
    tokens = TokenService(town.store, town.clock)
    with town.visit("office") as office, town.visit("admin") as admin:
        (login,) = (one["name"] for one in office.get("/api/v1/logins").json())
        tokens.make(office_of(town), "a program", [Right.READ], 1)
        before, token = dump(town), admin.token("/account")
        for method, address in (
            ("POST", f"/account/logins/{login}/end"),
            ("DELETE", f"/api/v1/logins/{login}"),
            ("POST", "/account/tokens/1/end"),
            ("DELETE", "/api/v1/tokens/1"),
        ):
            assert ask(admin, method, address, address, token).status_code in REFUSED, address
        assert dump(town) == before
        assert office.get("/account").status_code == 200


def office_of(town: Town) -> Operator:
    with town.store.reading() as connection:
        return next(one for one in list_operators(connection) if one.name == "office")
