"""The pages of the console as a browser visits them, and how it logs in."""

import re

from playwright.sync_api import Page, expect

from tests.cloud.support.hub import DEVICE, SESSION, RidersHub
from tests.cloud.support.town import PASSWORD, Town

EVERY_PAGE = (
    *(
        "/",
        "/doors",
        "/points",
        "/points?only=faults",
        "/points/east-gate",
        "/events",
        "/people",
        "/people/5",
        "/flats",
        "/flats/2-502",
        "/hours",
        "/hours/gym-hours",
        "/calendar",
        "/devices/gym-turnstile",
        "/rosters",
        "/rollouts",
    ),
    *("/charging", "/points/phone-1", "/points/phone-2?who=sun", "/charging/sessions"),
    *(f"/charging/sessions/{DEVICE}/{SESSION}", "/hub/hub", "/hub/hub/qr"),
    *(
        "/quarantine",
        "/redecide",
        "/audit",
        "/operators",
        "/silent-alarms",
        "/people/5/look",
        "/events/1/look",
        "/adoptions",
        "/devices/gym-turnstile/lost",
        "/account",
    ),
    *("/points/east-gate/who", "/people/5/why?point=gym-turnstile", "/events/1/why"),
    *("/import", "/export"),
    *(
        "/zones",
        "/plans",
        "/plans/yearly",
        "/duties",
        "/settings",
        "/authority",
        "/authority/keys",
        "/erasure-requests",
    ),
    *("/inside", "/full/gym"),
    *(
        "/cases",
        "/guard",
        "/guard/find?text=2-502",
        "/channels",
        "/permits",
        "/riders",
        "/join/hub",
        "/join/hub/poster",
        "/join/hub/nobody-s",
        "/guest/nobody-s",
    ),
    *("/zones/gym/drill", "/zones/gym/drill?step=2", "/zones/gym/muster"),
)


def fill_in_login(page: Page, name: str) -> None:
    page.goto("/login")
    page.get_by_label("Operator name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status").get_by_text("Live", exact=True)).to_be_visible()


def log_in(page: Page, name: str = "gate") -> None:
    """Without the form's page: most of what a short test costs is the pages that it loads."""
    token = re.search(r'name="csrf" value="([^"]+)"', page.request.get("/login").text())
    assert token
    form = {"csrf": token[1], "name": name, "password": PASSWORD}
    assert page.request.post("/login", form=form, max_redirects=0).status == 303
    page.goto("/")
    expect(page.get_by_role("status").get_by_text("Live", exact=True)).to_be_visible()


def a_busy_hub(town: Town) -> RidersHub:
    """A socket of every sort, and a session with a receipt."""
    hub = RidersHub(town)
    hub.ends(point="phone-2")
    hub.charges("Li Si", session="ffeeddccbbaa0099")
    live = {"phone-1": {"power_w": 1_800, "energy_wh": 12_400, "minutes": 594, "minutes_left": 5, "free_at_minutes": 5}}
    broken = {"phase": "faulted", "faults": ["over_temp", "thermometer_lost"]}
    closed = {"phase": "free", "mode": "out_of_service"}
    hub.says({"phone-1": "charging", "phone-2": "free", "phone-3": "finished", "phone-4": broken, "ev-1": closed}, live)
    return hub
