"""Random setups that are whole: whatever they name is in them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from hypothesis import strategies as some
from msgspec import Struct

from cloud.duties.rule import Cell, Duty
from cloud.flats.rule import HOME, OWN_FLOOR, RELATIVE_ZONES, Flat, Tenure
from cloud.hours.rule import HOURS, DayKind, SpecialDay
from cloud.hours.setup_tables import WEEKDAYS, HoursRow, row_of
from cloud.people.plans import RESIDENT, Days, Plan
from cloud.points.rule import Assured, Counted, PointClass, SetupPoint, SiteZone, Unit, ZoneKind
from cloud.retention.setup_tables import Retention
from cloud.setup.document import write_setup
from cloud.setup.setup_tables import SiteRow
from cloud.setup_tables import SETUP_TABLES
from cloud.store.labels import Label
from contract.decide import Tier

Rows = dict[type[Struct], dict[str, Struct]]

labels = some.builds(
    Label, some.sampled_from(["屋顶", "东门", "A b"]), some.sampled_from(["Roof", 'Say "x"', "East gate"])
)
windows = some.sampled_from(["-", "06:00-22:30", "08:00-12:00, 13:30-18:00", "22:00-02:00", "00:00-24:00"])
names = some.text("abcxyz019", min_size=1, max_size=4)
OPERATORS = ("admin", "gate")


def site_row(label: Label, *, duress: bool = False) -> SiteRow:
    return SiteRow("moon-court", "Asia/Shanghai", label, duress)


@some.composite
def setups(draw: Any) -> Rows:
    """The rows of a whole setup, by table and key."""
    zones = _zones(draw)
    hours = _hours(draw)
    classes = [PointClass(name, tuple(draw(_some_of(Unit))), draw(labels)) for name in draw(_unique(2))]
    flats = [_flat(draw, number) for number in range(draw(some.integers(0, 3)))]
    points = [_point(draw, name, zones, hours, classes, flats) for name in draw(_unique(4))] if zones else []
    plans = [RESIDENT_HERE, *(_plan(draw, f"p{name}", zones, hours, classes) for name in draw(_unique(3)))]
    days = [
        _day(draw, day, hours) for day in draw(some.sets(some.dates(date(2026, 1, 1), date(2028, 12, 31)), max_size=3))
    ]
    units = draw(some.lists(some.sampled_from(["3-1", "3-2", "5"]), unique=True))
    cells = [
        Cell(name, draw(labels), (unit,), (), tuple(draw(_some_of(OPERATORS))))
        for name, unit in zip(draw(_unique(3)), units, strict=False)
    ]
    duties = [
        Duty(name, (draw(some.sampled_from(OPERATORS)),), draw(some.sampled_from(hours)).name, draw(labels))
        for name in draw(_unique(2))
    ]
    events = draw(some.integers(7, 90))
    listed: list[list[Any]] = [zones, hours, classes, flats, points, plans, days, cells, duties]
    rows: Rows = {table.kind: {} for table in SETUP_TABLES}
    for table in SETUP_TABLES:
        mine = [row for group in listed for row in group if isinstance(row, table.kind)]
        rows[table.kind] = table.rows_by_key(map(table.tidy, mine))
    rows[SiteRow] = {"": site_row(draw(labels), duress=draw(some.booleans()))}
    rows[Retention] = {"": Retention(events=events)}
    return rows


RESIDENT_HERE = Plan(RESIDENT.name, RESIDENT.tier, 0, None, {HOME: "always", OWN_FLOOR: "always"}, RESIDENT.label)


def _unique(most: int) -> Any:
    return some.lists(names, unique=True, max_size=most)


def _some_of(values: Any) -> Any:
    return some.lists(some.sampled_from(list(values)), min_size=1, unique=True)


def _zones(draw: Any) -> list[SiteZone]:
    zones: list[SiteZone] = []
    for name in draw(_unique(4)):
        parent = draw(some.sampled_from(["", *(zone.name for zone in zones)]))
        capacity, limit = draw(some.sampled_from([(None, None), (40, None), (40, 60), (None, 9)]))
        kind, counts = draw(some.sampled_from(ZoneKind)), draw(some.sampled_from(Counted))
        closes = draw(some.sampled_from(["", "22:30"]))
        zones.append(SiteZone(name, draw(labels), kind, counts, parent, capacity, limit, closes))
    return zones


def _hours(draw: Any) -> list[HoursRow]:
    made = [row_of(HOURS[0])]
    for name in draw(_unique(2)):
        week = dict(zip(WEEKDAYS, draw(some.lists(windows, min_size=7, max_size=7)), strict=True))
        said = week if draw(some.booleans()) else {"daily": draw(windows)}
        made.append(HoursRow(f"h{name}", draw(labels), **said, rest=draw(some.sampled_from(["", "-", "10:00-12:00"]))))
    return made


def _flat(draw: Any, number: int) -> Flat:
    tenure, vacant = draw(some.sampled_from(Tenure)), draw(some.booleans())
    return Flat(
        f"3-1-{number + 1}01",
        "3",
        "1",
        number + 1,
        f"{number + 1}01",
        draw(some.none() | some.just(88.5)),
        tenure,
        vacant,
    )


def _point(
    draw: Any,
    name: str,
    zones: list[SiteZone],
    hours: list[HoursRow],
    classes: list[PointClass],
    flats: list[Flat],
) -> SetupPoint:
    of_flats = [("", None, flat.name) for flat in flats]
    unit, floor, flat = draw(some.sampled_from([("", None, ""), ("3-1", None, ""), ("3-1", 2, ""), *of_flats]))
    class_name = draw(some.sampled_from(["", *(one.name for one in classes)]))
    camera = draw(some.sampled_from(["", "https://cameras.example/{point}?at={at_ms}"]))
    zone = draw(some.sampled_from(zones)).name
    device = draw(some.sampled_from(["d1", "d2"]))
    asked = draw(some.sampled_from(["", *(one.name for one in hours)])), draw(some.sampled_from(Assured))
    return SetupPoint(name, device, zone, "door", class_name, draw(labels), unit, floor, flat, camera, *asked)


def _plan(draw: Any, name: str, zones: list[SiteZone], hours: list[HoursRow], classes: list[PointClass]) -> Plan:
    places = [zone.name for zone in zones] + [HOME, OWN_FLOOR]
    opens = draw(
        some.dictionaries(some.sampled_from(places), some.sampled_from([one.name for one in hours]), max_size=3)
    )
    tier = draw(some.sampled_from(Tier))
    if tier is Tier.RESIDENT:
        opens |= {zone: "always" for zone in RELATIVE_ZONES if zone in opens}
    return Plan(
        name,
        tier,
        draw(some.integers(0, 5000)),
        draw(some.none() | some.integers(1, 9)),
        opens,
        draw(labels),
        term=draw(some.sampled_from(["life", "lease", Days(365)])),
        grace_days=draw(some.integers(0, 30)),
        reminder_days=tuple(draw(some.lists(some.integers(1, 60), unique=True, max_size=3))),
        follows=draw(some.sampled_from(["person", "flat"])),
        qualification=draw(some.sampled_from(["", "swim"])),
    )


def _day(draw: Any, day: date, hours: list[HoursRow]) -> SpecialDay:
    kind = draw(some.sampled_from(DayKind))
    weekday = draw(some.integers(1, 7)) if kind is DayKind.AS_WEEKDAY else None
    return SpecialDay(day, kind, weekday, "", draw(labels | some.just(Label())))


def text_of(rows: Mapping[type[Struct], Mapping[str, Struct]], as_of: int = 0) -> str:
    """The file of these rows."""
    return write_setup(sorted(SETUP_TABLES, key=lambda table: table.place), rows, as_of, {})


def without_mark(text: str) -> str:
    """A setup that does not say of which change it knows."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("as_of_change"))
