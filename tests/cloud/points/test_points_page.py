"""The one page of points with its filters, and the page that every point has."""

import re
from pathlib import Path

import pytest
from sqlalchemy import update

from cloud.sample import POINTS, SOCKETS
from cloud.store.schema import points
from cloud.web.live import PageSource
from contract.decide import Mode
from contract.kinds import add_folder, kind_of, known_kinds
from tests.cloud.support.hub import RidersHub
from tests.cloud.support.orders import GYM, REASON
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

PICK = re.compile(r'<a class="pick" href="([^"]+)"( aria-current="true")?>([^<]+) <b>(\d+)</b>')
CARD = re.compile(r'<(?:section|article) class="[^"]*" id="point-([a-z0-9-]+)">')
LOCKER = '''"""A bank of lockers."""

from typing import Literal, Never

from contract.archetypes import BoxKind
from contract.phrases import Phrase, noun

Phase = Literal["shut"]


class Locker(BoxKind[Phase, Never, Never]):
    """What every kind has."""


LOCKER = KIND = Locker("locker", noun("储物柜", "Locker", "Lockers"), phases={"shut": Phrase("已关", "all shut")})
'''


def cards(page: str) -> set[str]:
    return set(CARD.findall(page))


@pytest.fixture
def hub(town: Town) -> RidersHub:
    """Doors and sockets of which some are online: a fault at the turnstile, a mode at the east gate."""
    town.beats(GYM, faults={f"{GYM}.arm_still": "seen"})
    town.beats("east-gate")
    town.desired_state.set_mode(["east-gate"], Mode.OUT_OF_SERVICE, "gate", REASON)
    hub = RidersHub(town)
    hub.says({"phone-1": "free", "phone-2": {"phase": "faulted", "faults": ["relay_stuck"]}})
    return hub


DOORS = {name for name, *_ in POINTS}
CHARGERS = {name for name, *_ in SOCKETS}


@pytest.mark.parametrize(
    ("path", "shown", "chosen"),
    [
        ("/points", DOORS | CHARGERS, {"All"}),
        ("/doors", DOORS, {"Doors"}),
        ("/charging", CHARGERS, {"Charging"}),
        ("/points?only=faults", {GYM, "phone-2"}, {"All", "With faults"}),
        ("/doors?only=faults", {GYM}, {"Doors", "With faults"}),
        ("/points?only=modes", {"east-gate"}, {"All", "Held, locked or closed"}),
        ("/points?zone=gym", {GYM}, {"All"}),
        ("/charging?text=PHONE+socket+1", {"phone-1"}, {"Charging"}),
        ("/points?text=东门", {"east-gate"}, {"All"}),
        ("/points?text=nothing", set(), {"All"}),
    ],
)
def test_filter_chooses_cards_and_says_so(
    town: Town, hub: RidersHub, path: str, shown: set[str], chosen: set[str]
) -> None:
    """What is chosen is marked, and says how many points it shows."""
    with town.visit("gate") as guard:
        page = guard.get(path).text
    assert cards(page) == shown
    marked = {text: int(count) for _, current, text, count in PICK.findall(page) if current}
    assert marked.keys() == chosen
    assert set(marked.values()) == {len(shown)}


def test_every_filter_leads_where_it_counts(town: Town, hub: RidersHub) -> None:
    with town.visit("gate") as guard:
        picks = PICK.findall(guard.get("/points?zone=hub").text)
        assert len(picks) == 5
        for path, _, text, count in picks:
            assert len(cards(guard.get(path.replace("&amp;", "&")).text)) == int(count), text


def test_unrationed_use_is_not_charging(town: Town) -> None:
    """A tap or a wash is shown as what it is, not among the sockets."""
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE points SET kind = 'socket' WHERE name = ?", (GYM,))
    with town.visit("gate") as guard:
        assert GYM not in cards(guard.get("/charging").text)
        assert cards(guard.get("/points?show=session").text) == {GYM}
        assert ("Other use", "1") in [pick[2:] for pick in PICK.findall(guard.get("/points").text)]


def test_zone_narrows_emergencies_too(town: Town) -> None:
    town.happens("emergency.began", point="", zone="gym", cause="smoke")
    with town.visit("gate") as guard:
        assert "Gym: Smoke" in words(guard.get("/points?zone=gym").text)
        hub = guard.get("/points?zone=hub").text
    assert "siren" not in hub
    assert "/zones/gym/muster" not in hub.partition("</header>")[2].partition("<main")[2]


@pytest.mark.parametrize("query", ["show=castle", "only=everything", f"zone={'x' * 41}", f"text={'x' * 81}"])
def test_filter_of_nothing_is_no_page(town: Town, query: str) -> None:
    with town.visit("gate") as guard:
        assert guard.get(f"/points?{query}").status_code in (404, 422)


@pytest.mark.parametrize("of", ["show=castle", "only=1", "a b"])
def test_stream_of_no_page_is_refused(town: Town, of: str) -> None:
    with town.visit("gate") as guard:
        assert guard.get("/live", params={"page": "points", "of": of}).status_code == 404
        assert guard.get("/live", params={"page": "castle"}).status_code == 404
        assert guard.get("/live", params={"page": "point", "of": "nowhere"}).status_code == 404


def test_stream_of_a_filter_has_its_pieces(town: Town, hub: RidersHub) -> None:
    """And another shape once other points are chosen, so that the page is loaded again."""
    source = town.app.state.services[PageSource]

    def pieces() -> dict[str, str]:
        return {one.key: one.data for one in source.status("points show=portal&only=faults en guard ")}

    before = pieces()
    assert {name for name in before if name.startswith("point-")} == {f"point-{GYM}-now"}
    town.beats(GYM)
    town.beats("east-gate", faults={"east-gate.contact_still": "seen"})
    after = pieces()
    assert {name for name in after if name.startswith("point-")} == {"point-east-gate-now"}
    assert before["shape"] != after["shape"]


@pytest.mark.parametrize("kind", sorted(known_kinds()))
def test_point_of_every_kind_has_its_page(town: Town, kind: str) -> None:
    """With its state and what can be ordered of it; it lights the entry that its archetype belongs to."""
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE points SET kind = ? WHERE name = ?", (kind, GYM))
    town.beats(GYM)
    town.happens("device.started", point=GYM)
    entry = "/doors" if kind_of(kind).archetype == "portal" else "/points"  # it has no class: nobody charges there
    with town.visit("gate") as guard:
        page = guard.get(f"/points/{GYM}").text
    for part in ("Gym turnstile Online", "State", "Commands", "Change the mode", "Last events"):
        assert part in words(page), part
    assert re.findall(r'<a href="([^"]+)" aria-current="true"', page) == [entry]
    assert ("Open once" in page) == (kind_of(kind).archetype == "portal")


def test_page_of_a_point_tells_its_orders(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        where = f"/points/{GYM}"
        answer = guard.submit(f"/commands/open_once/{GYM}", where, back=where, reason=REASON)
        page = words(guard.get(answer.headers["location"]).text)
        assert "Open once – Sent; waiting for" in page
        assert f"Last commands Time What Operator Reason Outcome 16:00:00 Open once gate {REASON}" in page
        town.happens("access.refused", reason="expired")
        assert "This membership has ended" in words(guard.get(where).text)
        assert guard.get("/points/nowhere").status_code == 404


def test_mode_outcome_stands_in_place_of_its_form(town: Town) -> None:
    with town.visit("gate") as guard:
        for where in ("/doors?only=modes", f"/points/{GYM}"):
            form = {"point": GYM, "mode": "out_of_service", "reason": REASON, "back": where}
            answer = guard.submit("/doors/modes", "/doors", **form)
            assert answer.headers["location"].startswith(where)
            assert "Sent: out of service." in words(guard.get(answer.headers["location"]).text)
        elsewhere = guard.submit("/doors/modes", "/doors", **form | {"back": "//elsewhere/doors"})
        assert elsewhere.headers["location"].startswith("/?")


def test_kind_of_the_future_has_its_card(town: Town, tmp_path: Path) -> None:
    """A kind of a known archetype needs no page, no template and no edit."""
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "locker.py").write_text(LOCKER)
    add_folder(tmp_path)
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE points SET kind = 'locker' WHERE name = ?", (GYM,))
    town.beats(GYM, points={GYM: {"phase": "shut", "kind": "locker"}})
    with town.visit("gate") as guard:
        assert cards(guard.get("/points?show=box").text) == {GYM}
        assert GYM not in cards(guard.get("/doors").text)
        page = guard.get("/points").text
    with town.visit("gate", language="zh") as guard:
        chinese = words(guard.get(f"/points/{GYM}").text)
    card = words(page.partition(f'id="point-{GYM}"')[2].partition("</section>")[0])
    assert "State all shut" in card and "Kind Locker" in card and "Change the mode" in card
    assert "已关" in chinese and "储物柜" in chinese


def test_camera_is_a_link_for_those_who_may(town: Town) -> None:
    with town.store.writing() as connection:
        camera = "https://cameras.example/{point}?at={at_ms}"
        connection.execute(update(points).where(points.c.name == "east-gate").values(camera=camera))
    with town.visit("gate") as guard:
        assert f'href="https://cameras.example/east-gate?at={town.now_ms}"' in guard.get("/points/east-gate").text
        assert "cameras.example" not in guard.get("/points/west-gate").text
    with town.visit("auditor") as auditor:
        assert "cameras.example" not in auditor.get("/points/east-gate").text
