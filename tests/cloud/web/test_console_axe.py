"""axe finds nothing serious on any page of the console: in both languages, by day and by night, wide and narrow."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from fastapi.responses import HTMLResponse
from msgspec.structs import replace
from playwright.sync_api import Browser, ViewportSize

from cloud.bars.rule import BarGround
from cloud.bars.service import BarService
from cloud.cards.enrol import EnrolmentService
from cloud.cards.enrolment_store import last_enrolments
from cloud.cards.rule import Recipient
from cloud.cards.service import CardService
from cloud.commands.store import list_orders
from cloud.keys.keys import KeyFolder
from cloud.people.plans import YEARLY, Plan
from cloud.people.service import PeopleService
from cloud.plans.pages import plan_page
from cloud.points.zones import create_zone
from cloud.replay.service import LastMonthService, TriedChange
from cloud.sample import SITE
from cloud.setup.service import SetupService
from cloud.store.database import open_store
from cloud.store.labels import Label
from contract.decide import DAY_MS, Mode
from tests.axe import grave_violations
from tests.browser import PHONE
from tests.cloud.support.browsing import EVERY_PAGE, a_busy_hub
from tests.cloud.support.counted import CountedGym
from tests.cloud.support.hub import DEVICE
from tests.cloud.support.town import PASSWORD, Town, routed

pytestmark = pytest.mark.browser

OF_TELEPHONES = ("/me", "/phone/")
WIDE = ViewportSize(width=1280, height=900)
MORE_PAGES = (
    "/doors/lockdown",
    "/doors/lockdown?step=2",
    "/doors/hold-open",
    "/doors/hold-open?step=2",
    "/no-such-page",
    "/login/code",
    "/guest/nobody-s",
    "/authority/keys",
    "/zones",
    *("/parties", "/parties/1", "/parties/1/moving", "/renewals", "/bars"),
    "/devices/gym-turnstile/wiring",
    f"/devices/{DEVICE}",
    "/devices/east-gate",
    "/orders/{order}",
    *("/cards", "/cards?card=5", "/cards/unused", "/cards/returns", "/cards/desk"),
    "/people/5?point=gym-turnstile",
    *("/cards/enrolments/{enrolment}", "/cards/desk/{loop}", "/last-month/{month}"),
)

ONE_OF_A_KIND = (
    *(
        "/",
        "/doors",
        "/points",
        "/points/east-gate",
        "/events",
        "/people/5",
        "/flats",
        "/flats/2-502",
        f"/devices/{DEVICE}",
        "/devices/gym-turnstile",
        "/rosters",
        "/zones",
    ),
    *("/parties/1", "/parties/1/moving", "/renewals", "/bars"),
    *("/guard", "/guard/find?text=2-502"),
    *("/charging", "/points/phone-2?who=sun", "/hub/hub", "/quarantine", "/audit", "/adoptions"),
    *("/doors/hold-open?step=2", "/zones/gym/drill?step=2", "/zones/gym/muster", "/no-such-page"),
)
"""What is drawn in the same way as one of these needs no second look by night."""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Sunny Court on a bad day: a device that fell silent, one with a fault, an emergency, a lockdown, a late event, a
    zone that no plan opens."""
    folder = tmp_path_factory.mktemp("axe")
    store = open_store(f"sqlite:///{folder / 'cloud.db'}")
    with Town(store, KeyFolder.create(folder / "keys"), demo=True) as town:
        town.beats("gym-turnstile", faults={"gym-turnstile.arm_still": "seen"})
        town.happens("access.refused", reason="expired", holder=town.holder("Wang Wu"), replay=True)
        town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"))
        town.arrives("gym-turnstile", "events", b"rubbish")
        town.now_ms += 200_000
        town.beats("east-gate", faults={"emergency.estate": "fire"}, points={"east-gate": {"phase": "released"}})
        town.happens("emergency.began", device="east-gate", point="", zone="estate", cause="fire")
        a_busy_hub(town)
        town.commands.issue("open_once", "gym-turnstile", {}, "gate", "a parcel")
        town.desired_state.set_mode(["gym-turnstile"], Mode.LOCKDOWN, "gate", "a fight")
        with store.writing() as connection:
            create_zone(connection, town.now_ms, "office", "roof", "屋顶", "Roof")
        CountedGym(town, closes="17:00").passes(bytes(8))
        bars = BarService(store, town.keys, town.clock)
        bars.enter("office", BarGround.DAMAGE, town.now_ms + DAY_MS, person=5)
        bars.enter("office", BarGround.DAMAGE, town.now_ms + DAY_MS, plate="沪A12345")
        PeopleService(store, town.clock).add_person("office", Label("", "New Here"))
        service = EnrolmentService(
            store, town.keys, town.commands, CardService(store, town.keys, town.clock), town.clock
        )
        service.begin("office", "east-gate", Recipient(1))
        service.begin_loop("office", "east-gate", reader="out")
        yield town
    store.close()


def test_axe_reads_the_page_of_every_route(troubled: Town) -> None:
    """A page that is new is in the list, or this fails. A page that may also be an answer of another sort is not seen
    here. Those of telephones are read by `test_phone_axe.py`."""
    listed = [path.partition("?")[0] for path in (*EVERY_PAGE, *MORE_PAGES)]
    pages = [
        route
        for route in routed(troubled.app)
        if "GET" in (route.methods or ())
        and route.endpoint.__annotations__["return"] is HTMLResponse
        and not route.path.startswith(OF_TELEPHONES)
    ]
    assert len(pages) > 20
    assert [page.path for page in pages if not any(map(page.path_regex.match, listed))] == []


@pytest.mark.parametrize(
    ("locale", "scheme", "viewport", "paths"),
    [("en-GB", "light", WIDE, (*EVERY_PAGE, *MORE_PAGES)), ("zh-CN", "dark", PHONE, ONE_OF_A_KIND)],
    ids=["wide", "narrow"],
)
def test_axe_finds_nothing_serious_on_any_page(
    troubled: Town,
    browser: Browser,
    oracles: Path,
    locale: str,
    scheme: Literal["light", "dark"],
    viewport: ViewportSize,
    paths: tuple[str, ...],
) -> None:
    context = browser.new_context(
        base_url=troubled.url, locale=locale, color_scheme=scheme, viewport=viewport, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/login")
    found = {"/login": grave_violations(page, oracles)}
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", PASSWORD)
    page.click("button")
    with troubled.store.reading() as connection:
        (order,) = list_orders(connection, 1)
        looped, single = last_enrolments(connection, SITE.name)
    known = {"order": order.id, "enrolment": single.command, "loop": looped.loop or single.loop}
    known["month"] = _month_without_the_gym(troubled)
    for path in paths:
        page.goto(path.format(**known))
        found[path] = grave_violations(page, oracles)
    context.close()
    assert {path: violations for path, violations in found.items() if violations} == {}


def _month_without_the_gym(town: Town) -> str:
    """The code of a replay."""
    services = town.app.state.services
    tried = services[SetupService].try_rows("admin", Plan, {YEARLY.name: replace(YEARLY, opens={})})
    change = TriedChange("Plan", "yearly", "/plans/yearly", partial(plan_page, name="yearly", said=None))
    code: str = services[LastMonthService].begin("admin", change, tried)
    return code
