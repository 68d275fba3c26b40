"""The table of who may go where: `tests/cloud/who_may.csv`, one line for each address of the application.

``yes`` is the whole site, ``own`` the zone, cell or party of the operator and nothing else, ``no`` a refusal,
``public`` an address that answers without a login, and ``phone`` one that answers a resident's telephone alone.
"""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI

from cloud.web.panels import PanelBoard
from cloud.web.query import known_names
from tests.cloud.support.town import PASSWORD, routed

FILE = Path(__file__).parents[1] / "who_may.csv"

Address = tuple[str, str]
"""A method and a path."""


def read_table() -> dict[Address, Mapping[str, str]]:
    """What each role may, by address."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return {(row.pop("method"), row.pop("address")): row for row in csv.DictReader(file)}


TABLE = read_table()
PUBLIC = {path for (_, path), row in TABLE.items() if {"public", "phone"} & set(row.values())}
"""What no operator's login opens: it answers without one, or to a telephone."""
OF_PHONES = [address for address, row in TABLE.items() if "phone" in row.values()]
OWN_TOKEN = "/metrics"
"""What no login opens."""
EVERYBODY = {(method, path) for (method, path), row in TABLE.items() if set(row.values()) == {"yes"}}
"""What is about nobody but the operator."""


BODIES: dict[str, object] = {
    "/api/v1/flats": {"name": "9-901"},
    "/api/v1/flats/{name:path}": {"building": "2", "flat": "502"},
    "/api/v1/hours": {"name": "pool", "week": ["-"] * 7},
    "/api/v1/hours/{name}": {"week": ["-"] * 7},
    "/api/v1/setup": {"text": ""},
    "/api/v1/setup/{table}/{key:path}": {},
    "/api/v1/special-days": {"days": [{"day": "2027-05-01", "kind": "rest"}]},
    "/api/v1/special-days/import": {"text": "BEGIN:VCALENDAR", "kind": "rest"},
    "/api/v1/people": {"name_en": "Qian Er"},
    "/api/v1/people/{person}/memberships": {"plan": "rider"},
    "/api/v1/people/{person}/credentials": {"format": "H10301", "facility": 21, "number": 777},
    "/api/v1/parties/{party}/credentials": {"format": "H10301", "facility": 21, "number": 778},
    "/api/v1/cards/find": {"format": "H10301", "facility": 21, "number": 777},
    "/api/v1/cards/batch": {"batch": "spring", "format": "H10301", "facility": 21, "numbers": "779"},
    "/api/v1/cards/{card}/give": {"person": 1},
    "/api/v1/enrolments": {"point": "gym-turnstile", "person": 1},
    "/api/v1/unknown-cards/claim": {"arrival": 1, "person": 1},
    "/api/v1/memberships/{membership}": {"standing": "active"},
    "/api/v1/credentials/{card}": {"standing": "active"},
    "/api/v1/points/{name}/who": {"at_ms": 1_800_000_000_000, "purpose": "audit"},
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
    "/api/v1/tokens": {"name": "a program", "scopes": ["directory"]},
    "/api/v1/operators": {"name": "new", "password": PASSWORD, "role": "guard"},
    "/api/v1/operators/{name}": {"disabled": False},
    "/api/v1/people/{person}/looks": {"purpose": "asked"},
    "/api/v1/events/{arrival}/looks": {"purpose": "asked"},
}
ENDLESS = {"/live", "/api/v1/stream"}
OWN = {
    "op": "open_once",
    "arrival": "1",
    "card": "5",
    "command": "0" * 32,
    "membership": "5",
    "party": "6",
    "member": "7",
    "person": "5",
    "point": "gym-turnstile",
    "zone": "gym",
}
"""What stands in the place of an address's parameters: something that those see who see a part."""


def filled(path: str, **others: str) -> str:
    """The path with something real in the place of its parameters."""
    name = "gate" if "operators" in path else "2-502" if "flats" in path else "gym-turnstile"
    values = OWN | others
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: values.get(found[1], others.get("name", name)), path)


def routes(app: FastAPI) -> list[Address]:
    """Every method and path of the application."""
    return [(method, route.path) for route in routed(app) for method in sorted(route.methods or ())]


def names_by_address(app: FastAPI) -> dict[Address, set[str]]:
    """The names that the query of each address may have."""
    board = app.state.services[PanelBoard]
    return {
        (method, route.path): known_names(route.path, route.dependant, board)
        for route in routed(app)
        for method in route.methods or ()
    }
