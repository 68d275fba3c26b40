"""What a setup leaves without a use is said, and refuses nothing."""

import pytest
from msgspec import Struct

from cloud.duties.rule import Duty
from cloud.flats.rule import Flat
from cloud.hours.rule import DayKind, SpecialDay
from cloud.hours.setup_tables import HoursRow
from cloud.people.plans import Plan
from cloud.plans.gaps import gaps
from cloud.points.rule import SetupPoint, SiteZone
from cloud.setup_tables import SETUP_TABLES
from cloud.store.labels import Label
from contract.decide import Tier
from tests.cloud.setup.setups import RESIDENT_HERE

FLAT = Flat("3-1-702", "3", "1", 7, "702")
DOOR, LIFT = SetupPoint("d", "d", "estate", unit="3-1"), SetupPoint("l", "d", "estate", unit="3-1", floor=7)
OWN = SetupPoint("o", "d", "estate", flat="3-1-702")
GATE = SetupPoint("g", "d", "estate")
ESTATE = SiteZone("estate")


def plan(*opens: str, follows: str = "person") -> Plan:
    return Plan("p", Tier.MEMBER, 0, None, dict.fromkeys(opens, "always"), Label(), follows=follows)  # type: ignore[arg-type]


FLATS, ZONES, NOTHING, NO_FLAT, HOURS = "these flats", "these zones", "open nothing", "no flat", "these hours"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([FLAT, RESIDENT_HERE], FLATS),
        ([FLAT, RESIDENT_HERE, DOOR], ""),
        ([FLAT, RESIDENT_HERE, LIFT], ""),
        ([FLAT, RESIDENT_HERE, OWN], ""),
        ([FLAT, RESIDENT_HERE, SetupPoint("d", "d", "estate", unit="3-2")], FLATS),
        ([FLAT, RESIDENT_HERE, SetupPoint("l", "d", "estate", unit="3-1", floor=8)], FLATS),
        ([FLAT, DOOR, plan("own-floor")], FLATS),
        ([FLAT, RESIDENT_HERE, DOOR, Flat("5-1-101", "5", "1", 1, "101")], "5-1-101."),
        ([ESTATE], ZONES),
        ([ESTATE, plan("estate")], ""),
        ([ESTATE, SiteZone("gym", parent="estate"), plan("gym")], ""),
        ([ESTATE, SiteZone("gym", parent="estate"), plan("gym"), GATE], ZONES),
        ([ESTATE, DOOR], ""),
        ([ESTATE, DOOR, GATE], ZONES),
        ([plan()], NOTHING),
        ([plan("home")], NO_FLAT),
        ([plan("home", "estate")], ""),
        ([plan("estate", follows="flat")], NO_FLAT),
        ([HoursRow("night")], HOURS),
        ([HoursRow("always")], ""),
        ([HoursRow("night"), SetupPoint("g", "d", "estate", pin="night")], ""),
        ([HoursRow("night"), Duty("d", ("a",), "night")], ""),
        ([HoursRow("night"), SpecialDay(DayKind.REST, DayKind.REST, hours="night")], ""),  # type: ignore[arg-type]
        ([HoursRow("night"), Plan("p", Tier.MEMBER, 0, None, {"estate": "night"}, Label())], ""),
    ],
)
def test_gap_is_said(rows: list[Struct], says: str) -> None:
    listed = {
        table.kind: table.rows_by_key([row for row in rows if isinstance(row, table.kind)]) for table in SETUP_TABLES
    }
    found = gaps(listed)
    assert [says in one for one in found] == ([True] if says else []), found


def test_flats_beyond_the_first_are_counted() -> None:
    flats = {f"3-1-{number}": Flat(f"3-1-{number}", "3", "1") for number in range(101, 130)}
    (said,) = gaps({Flat: flats})
    assert "3-1-101, " in said
    assert "and 21 more" in said
