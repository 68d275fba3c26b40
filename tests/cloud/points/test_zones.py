"""Zones are made where a wiring needs them, nobody's door stays shut in silence, and plans open them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from cloud.devices.registry import found_site
from cloud.devices.wired import Wired
from cloud.hours.rule import HOURS
from cloud.hours.store import add_hours
from cloud.people.community import load_community
from cloud.people.grants import grants
from cloud.people.plans import STANDARD
from cloud.people.store import add_plan, list_plans
from cloud.points.zone_store import MAX_ZONES, view_zones
from cloud.points.zones import BadZone, create_zone, open_for, place_points, read_openings, rename_zone
from cloud.store.database import Store
from cloud.store.revision import revision
from cloud.web import operators

NOW_MS = 1_800_000_000_000
BY = "admin"


@pytest.fixture
def bare(store: Store) -> Iterator[Connection]:
    """A community as ``init`` makes it: plans and hours, and nothing else."""
    with store.writing() as connection:
        found_site(connection, "moon-court", "Asia/Shanghai", "月苑", "Moon Court")
        for hours in HOURS:
            add_hours(connection, hours)
        for plan in STANDARD:
            add_plan(connection, plan)
        yield connection


def zones_of(connection: Connection) -> dict[str, tuple[str, bool, int]]:
    """English name, whether nobody gets in, and how many points, of every zone."""
    return {one.name: (one.label.en, one.closed, one.points) for one in view_zones(connection)}


def test_missing_zones_of_a_wiring_are_made(bare: Connection) -> None:
    wired = [Wired("gate", "estate"), Wired("barrier", "north-court"), Wired("lamp", "north-court")]
    placed = place_points(bare, "gates", wired)
    assert placed.points == ["gate", "barrier", "lamp"]
    assert placed.zones == ["estate", "north-court"]
    assert placed.closed == ["north-court"]
    assert zones_of(bare) == {"estate": ("Estate", False, 1), "north-court": ("north-court", True, 2)}
    again = place_points(bare, "gates", wired)
    assert (again.points, again.zones, again.closed) == ([], [], ["north-court"])


def test_point_left_out_is_named_with_its_reason(bare: Connection) -> None:
    place_points(bare, "gates", [Wired("gate", "estate")])
    placed = place_points(bare, "thief", [Wired("gate", "estate"), Wired("adrift", "")])
    assert placed.points == []
    assert placed.left_out == {"gate": "it is a point of gates", "adrift": "its wiring names no zone"}
    assert placed.detail()["left_out"] == "gate: it is a point of gates, adrift: its wiring names no zone"


def test_zones_are_bounded_and_the_rest_is_said(bare: Connection) -> None:
    wired = [Wired(f"door-{number}", f"zone-{number}") for number in range(MAX_ZONES + 1)]
    placed = place_points(bare, "tower", wired)
    assert len(placed.zones) == MAX_ZONES
    assert placed.left_out == {f"door-{MAX_ZONES}": f"there are {MAX_ZONES} zones already"}
    with pytest.raises(BadZone, match="already"):
        create_zone(bare, NOW_MS, BY, "one-more")


def test_an_opened_zone_reaches_the_grants(bare: Connection) -> None:
    place_points(bare, "gates", [Wired("barrier", "north-court")])
    before = revision(bare)
    open_for(bare, NOW_MS, BY, "north-court", read_openings(["resident=always", "yearly=gym-hours"]))
    _, page = grants(load_community(bare), NOW_MS)
    assert [profile for profile in page.profiles if profile] == [{"barrier": "always"}, {"barrier": "gym-hours"}]
    assert revision(bare) > before
    assert [deed.detail["plan"] for deed in operators.list_audit(bare)] == ["yearly", "resident"]


def test_a_zone_is_made_once_and_renamed(bare: Connection) -> None:
    assert create_zone(bare, NOW_MS, BY, "roof", "屋顶", "")
    assert not create_zone(bare, NOW_MS, BY, "roof", "别的", "other")
    rename_zone(bare, NOW_MS, BY, "roof", "", "Roof garden")
    (roof,) = view_zones(bare)
    assert (roof.label.zh, roof.label.en, roof.closed) == ("屋顶", "Roof garden", True)
    assert [deed.action for deed in operators.list_audit(bare)] == ["zone.renamed", "zone.added"]


@pytest.mark.parametrize(
    ("zone", "openings", "says"),
    [
        ("nowhere", {"resident": "always"}, "There is no zone nowhere; there is roof"),
        ("roof", {"residents": "always"}, "There is no plan residents; there is founder"),
        ("roof", {"resident": "always", "rider": "nights"}, "There are no hours nights; there is always"),
    ],
)
def test_an_opening_that_cannot_be_changes_nothing(
    bare: Connection, zone: str, openings: dict[str, str], says: str
) -> None:
    create_zone(bare, NOW_MS, BY, "roof")
    with pytest.raises(BadZone, match=says):
        open_for(bare, NOW_MS, BY, zone, openings)
    (roof,) = view_zones(bare)
    assert roof.closed


@pytest.mark.parametrize("name", ["", "Roof", "../x", "a" * 41])
def test_a_bad_zone_name_is_refused(bare: Connection, name: str) -> None:
    with pytest.raises(BadZone, match="no name of a zone"):
        create_zone(bare, NOW_MS, BY, name)


@pytest.mark.parametrize("text", ["resident", "=always", "resident="])
def test_an_opening_is_a_plan_and_hours(text: str) -> None:
    with pytest.raises(BadZone, match="PLAN=HOURS"):
        read_openings([text])


@pytest.mark.parametrize("name", ["home", "own-floor"])
def test_relative_zone_is_no_zone(bare: Connection, name: str) -> None:
    """A plan opens it, for each flat another place; no point stands there, and nobody makes it."""
    with pytest.raises(BadZone, match="another place for each flat"):
        create_zone(bare, NOW_MS, BY, name)
    placed = place_points(bare, "gates", [Wired("gate", name)])
    assert (placed.zones, placed.left_out) == ([], {"gate": f"{name} is no zone of the site"})
    open_for(bare, NOW_MS, BY, name, {"yearly": "gym-hours"})
    opens = next(plan.opens for plan in list_plans(bare) if plan.name == "yearly")
    assert opens[name] == "gym-hours"
