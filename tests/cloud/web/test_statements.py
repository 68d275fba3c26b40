"""A page asks the database as often for a hundred people as for ten."""

from cloud.exchange.service import ImportService
from tests.cloud.support.statements import counted_statements
from tests.cloud.support.town import Town, Visitor
from tests.cloud.support.who_may import TABLE

FLAT, COMPANY = "9-101", "新宇科技"
NO_PAGES = {"/live", "/api/v1/stream", "/api/v1/unknown-cards", "/settings/setup.toml"}
"""Streams, what asks for a point, and what is no page of rows."""
PATHS = sorted(
    path
    for (method, path), row in TABLE.items()
    if method == "GET" and "{" not in path and path not in NO_PAGES and row["admin"] == "yes"
)
OF_ONE = (f"/flats/{FLAT}", "/people/5", "/zones/gym/muster", "/points/gym-turnstile", "/plans/yearly")


def settle(town: Town, first: int, last: int) -> None:
    """People in flats of their own, at one company and, eight of them, in one flat: each with a plan and a card."""
    rows = [
        f"钱{number},Qian {number},{flat},{COMPANY},yearly,70+,H10301,21,{number}"
        for number in range(first, last)
        for flat in [FLAT if number < 8 else f"9-{100 + number}"]
    ]
    content = "\n".join(["姓名,英文名,房号,企业,方案,标签,卡格式,设施码,卡号", *rows]).encode()
    imports = ImportService(town.store, town.keys, town.clock)
    report = imports.run("office", content, apply=True, new_flats=True, new_companies=True)
    assert report.applied, report.problems


def asked(visitor: Visitor, path: str) -> int:
    with counted_statements() as seen:
        answer = visitor.get(path)
    assert answer.status_code in (200, 303), path
    return len(seen)


def test_pages_ask_as_often_for_many_people(town: Town) -> None:
    settle(town, 1, 11)
    with town.visit("admin") as admin:
        paths = (*PATHS, *OF_ONE, *company_pages(admin))
        few = {path: asked(admin, path) for path in paths}
        settle(town, 11, 61)
        many = {path: asked(admin, path) for path in paths}
    assert {path: (few[path], many[path]) for path in paths if many[path] > few[path] + 2} == {}


def company_pages(admin: Visitor) -> tuple[str, ...]:
    found = admin.get("/api/v1/parties?text=新宇").json()["parties"][0]["id"]
    return f"/parties/{found}", f"/api/v1/parties/{found}"
