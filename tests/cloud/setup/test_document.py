"""Every wrong line of a setup is named with its line and the cure."""

import pytest

from cloud.people.plans import Plan
from cloud.points.rule import SiteZone
from cloud.setup.document import HEADER, MAX_NAMED, BadSetup, SetupFile, read_setup, write_setup
from cloud.setup.service import SetupService
from cloud.setup_tables import SETUP_TABLES
from tests.cloud.setup.setups import Rows

WRONG = (
    ("[[zon]]\nname = 'a'\n", "setup.toml:1: zon: unknown table; there is cell, class, "),
    ("[zone]\nname = 'a'\n", "setup.toml:1: zone: write it as [[zone]]"),
    ("[[zone]]\nname = 'a'\nsize = 1\n", "setup.toml:3: zone[0].size: unknown key; there is name, label, kind"),
    ("[[zone]]\nlabel = { en = 'x' }\n", "setup.toml:1: zone[0]: name is missing; write it"),
    ("[[zone]]\nname = 'Gym'\n", "setup.toml:2: zone[0].name: 'Gym' is not a name of lower-case letters"),
    ("[[zone]]\nname = 'a'\ncloses = '24:00'\n", "setup.toml:3: zone[0].closes: '24:00' is not a time of day"),
    ("[[zone]]\nname = 'a'\ncapacity = 0\n", "setup.toml:3: zone[0].capacity: 0 is not a number of people"),
    ("[[zone]]\nname = 'a'\nlabel = { de = 'x' }\n", "setup.toml:3: zone[0].label: unknown key de; there is zh, en"),
    ("[[zone]]\nname = 'a'\n[[zone]]\nname = 'a'\n", "setup.toml:3: zone a: it stands twice, first in setup.toml:1"),
    ("[[zone]]\nname = 'home'\n", "setup.toml:2: zone home name: home is the name of a zone that is another"),
    ("[[zone]]\nname = 'a'\nparent = 'b'\n", "setup.toml:3: zone a parent: there is no zone b; there is a"),
    (
        "[[zone]]\nname = 'a'\nparent = 'b'\n[[zone]]\nname = 'b'\nparent = 'a'\n",
        "setup.toml:3: zone a parent: the zone lies within itself (a in b in a)",
    ),
    ("[[hours]]\nname = 'n'\ndaily = '24:00-25:00'\n", "setup.toml:3: hours[0].daily: "),
    (
        "[[hours]]\nname = 'n'\ndaily = '22:00-13:00'\n",
        "setup.toml:3: hours[0].daily: “22:00-13:00” ends before it begins",
    ),
    ("[[hours]]\nname = 'n'\n", "setup.toml:1: hours[0]: write the windows of every day as daily"),
    ("[[special_day]]\nday = 2027-02-29\nkind = 'rest'\n", "setup.toml:2: this is not TOML: Invalid date"),
    ("[[special_day]]\nday = '2027-02-29'\nkind = 'rest'\n", "setup.toml:2: special_day[0].day: "),
    (
        "[[special_day]]\nfrom = 2027-01-01\nkind = 'rest'\n",
        "setup.toml:1: special_day[0]: write either day, or from and",
    ),
    (
        "[[special_day]]\nfrom = 2027-01-03\nuntil = 2027-01-01\nkind = 'rest'\n",
        "setup.toml:3: special_day[0].until: write a day from 2027-01-03 on, at most a year later",
    ),
    (
        "[[special_day]]\nfrom = 2027-01-01\nuntil = 2027-01-03\nkind = 'rest'\n"
        "[[special_day]]\nday = 2027-01-03\nkind = 'rest'\n",
        "setup.toml:5: special_day 2027-01-03 rest: it stands twice, first in setup.toml:1",
    ),
    (
        "[[plan]]\nname = 'resident'\ntier = 'resident'\nfee_yuan = 0\nopens = { home = 'gym-hours' }\n"
        "label = { en = 'R' }\n",
        "setup.toml:5: plan resident opens.home: residents get home at all hours; write always",
    ),
    (
        "[[special_day]]\nday = 2027-01-01\nkind = 'rest'\nhours = 'x'\n",
        "setup.toml:4: special_day 2027-01-01 rest x hours",
    ),
    (
        "[[plan]]\nname = 'p'\ntier = 'king'\nfee_yuan = 0\n",
        "setup.toml:3: plan[0].tier: 'king' is not one of founder, staff, resident, member, rider, guest",
    ),
    ("[[zone]]\nname = 'a'\nkind = 5\n", "setup.toml:3: zone[0].kind: 5 is not one of open, counted, hub, roof, yard"),
    ("[[zone]]\nname = 'a'\nlabel = 'Roof'\n", "setup.toml:3: zone[0].label: 'Roof' is not a name in both languages"),
    (
        "[[plan]]\nname = 'p'\nterm = 'year'\n",
        "setup.toml:3: plan[0].term: 'year' is not one of life, lease, { days = … }",
    ),
    (
        "[[plan]]\nname = 'p'\nquantities.phone = [{ amount = 9, unit = 'm' }]\n",
        "setup.toml:3: plan[0].quantities.phone[0].unit: 'm' is not one of minutes, wh, ml",
    ),
    (
        "[[plan]]\nname = 'p'\nquantities.phone = [{ amount = 9, unit = 'wh', floor = 10 }]\n",
        "setup.toml:3: plan[0].quantities.phone[0]: a floor of 10 wh is more than the amount, 9",
    ),
    ("[[plan]]\nname = 'p'\nopens = { gym = 5 }\n", "setup.toml:3: plan[0].opens.gym: 5 is not a text"),
    (
        "[[special_day]]\nday = 2027-01-01\nkind = 'rest'\nlabel = 5\n",
        "setup.toml:4: special_day[0].label: 5 is not a name",
    ),
    (
        "[[special_day]]\nday = 2027-01-01\nkind = 'rest'\nlabel = '" + "a" * 61 + "'\n",
        "setup.toml:4: special_day[0].label: a name has at most 60 characters",
    ),
    (
        "[[plan]]\nname = 'resident'\ntier = 'resident'\nfee_yuan = 0\nopens = { roof = 'always', gym = 'nights' }\n"
        "label = { en = 'R' }\n",
        "setup.toml:5: plan resident opens.roof: there is no zone roof",
    ),
    ("[[cell]]\nname = 'c'\npoints = ['nowhere']\n", "setup.toml:3: cell c points: there is no point nowhere"),
    ("[[duty]]\nname = 'd'\noperators = ['nobody']\n", "setup.toml:3: duty d operators: there is no operator nobody"),
    (
        "[[point]]\nname = 'p'\ndevice = 'd'\nzone = 'x'\n",
        "setup.toml:4: point p zone: there is no zone x; there is estate",
    ),
    (
        "[[point]]\nname = 'p'\ndevice = 'd'\nzone = 'gym'\ncamera = 'https://a:b@c/'\n",
        "setup.toml:5: point p camera: an address holds no name and no password",
    ),
    ("[site]\nname = 'sun-court'\nzone = 'Asia/Shanghai'\n", "setup.toml:2: site name: this community is moon-court"),
    ("[retention]\nevents = 3\n", "setup.toml:2: retention events: 3 days: give 7 to"),
    ("flats = 'no.csv'\n", "setup.toml:1: flats: there is no file no.csv beside the setup"),
)


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[says.partition(" ")[2][:40] for _, says in WRONG])
def test_wrong_line_is_named_with_its_cure(setup: SetupService, text: str, says: str) -> None:
    with pytest.raises(BadSetup) as wrong:
        setup.preview(SetupFile(text.encode()), "admin")
    assert any(line.startswith(says) for line in wrong.value.problems), wrong.value.problems


def test_all_wrong_lines_are_named_at_once(setup: SetupService) -> None:
    """What names a row that is wrong itself is no further problem."""
    text = (
        "[[zone]]\nname = 'a'\nkind = 'lake'\n[[zone]]\nname = 'b'\nparent = 'a'\n"
        "[[zone]]\nname = 'c'\nparent = 'd'\n[[cell]]\nname = 'x'\nsize = 1\n"
    )
    with pytest.raises(BadSetup) as wrong:
        setup.preview(SetupFile(text.encode()), "admin")
    lines = [int(line.split(":")[1]) for line in wrong.value.problems]
    assert {3, 9, 12} <= set(lines)
    assert 6 not in lines


def test_wrong_types_and_unknown_names_are_one_round(setup: SetupService) -> None:
    """Whoever has mended what is said has mended all of it: names on a line that is wrong are looked at too."""
    text = (
        "[[plan]]\nname = 'p'\ntier = 'king'\nfee_yuan = 'x'\nopens = { gmy = 'h', gym = 7, hub = 'nights' }\n"
        "[[point]]\nname = 'd'\ndevice = 'd'\nzone = 'gmy'\nfloor = 'x'\nkind = 'gate'\n"
        "[[hours]]\nname = 'h'\ndaily = '25:00'\n[[duty]]\nname = 'd'\noperators = ['nobody', 5]\nhours = 'h'\n"
        "[[cell]]\nname = 'c'\noperators = ['nobody']\npoints = ['d', 'p', 'A']\n"
    )
    with pytest.raises(BadSetup) as wrong:
        setup.preview(SetupFile(text.encode()), "admin")
    assert sorted(line.split(": ")[1] for line in wrong.value.problems) == [
        "cell c operators",
        "cell c points",
        "cell[0].points[2]",
        "duty d operators",
        "duty[0].operators[1]",
        "hours[0].daily",
        "plan p opens.gmy",
        "plan p opens.hub",
        "plan[0].fee_yuan",
        "plan[0].opens.gym",
        "plan[0].tier",
        "point d kind",
        "point d zone",
        "point[0].floor",
    ]


def test_wrong_lines_beyond_a_hundred_are_counted(setup: SetupService) -> None:
    text = "".join(f"[[zone]]\nname = 'z{number}'\nkind = 'x'\n" for number in range(MAX_NAMED + 7))
    with pytest.raises(BadSetup) as wrong:
        setup.preview(SetupFile(text.encode()), "admin")
    assert wrong.value.problems[-1].startswith("and ")
    assert len(wrong.value.problems) == MAX_NAMED + 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            "zone = []".encode("utf-8-sig"),
            "setup.toml:1: it begins with a byte order mark; save it as UTF-8 without BOM",
        ),
        ("zone = []".encode("utf-16"), "setup.toml:1: it begins with a byte order mark"),
        (
            "zone = []\n# 晴苑".encode("gbk"),
            "setup.toml:2: the byte 0xC7 is not UTF-8; save it as UTF-8 (it may be GBK)",
        ),
        (b"zone = [\n", "setup.toml:2: this is not TOML"),
        (b"a = 1\n" * 700_000, "setup.toml:1: 4200000 characters are too many"),
    ],
    ids=["bom", "utf-16", "gbk", "no toml", "huge"],
)
def test_file_that_is_no_text_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(BadSetup) as wrong:
        read_setup(SetupFile(content), SETUP_TABLES)
    assert wrong.value.problems[0].startswith(says)


def test_flats_are_read_from_a_csv(setup: SetupService) -> None:
    beside = {"f.csv": b"name,area_m2,vacant\n3-1-702,88.5,true\n\n5-1-101,,\n"}
    found = setup.preview(SetupFile(b'flats = "f.csv"\n', beside=beside), "admin")
    assert [(one.key, one.what) for one in found.differences] == [("3-1-702", "added"), ("5-1-101", "added")]
    assert found.differences[0].after == {
        "name": "3-1-702",
        "building": "3",
        "unit": "1",
        "floor": 7,
        "flat": "702",
        "area_m2": 88.5,
        "tenure": "",
        "vacant": True,
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name,size\n3-1-702,1\n", "f.csv:1: unknown column 'size'; the first line names columns of name, building"),
        (b"name,name\n1,1\n", "f.csv:1: a column stands twice"),
        (b"name,floor\n3-1-702\n", "f.csv:2: 1 cells under 2 columns"),
        (b"name,floor\n3-1-702,x\n", "f.csv:2: flat.floor: 'x' is not a whole number"),
        (b"name\n3-1-702\n3-1-702\n", "f.csv:3: flat 3-1-702: it stands twice, first in f.csv:2"),
        (b'name\n"3-1', "f.csv:2: this is not CSV"),
        ("name\n三单元".encode("gbk"), "f.csv:2: the byte 0xC8 is not UTF-8"),
        (b"\xef\xbb\xbfname\n", "f.csv:1: it begins with a byte order mark"),
    ],
)
def test_wrong_line_of_a_csv_is_named(setup: SetupService, content: bytes, says: str) -> None:
    with pytest.raises(BadSetup) as wrong:
        setup.preview(SetupFile(b'flats = "f.csv"\n', beside={"f.csv": content}), "admin")
    assert wrong.value.problems[0].startswith(says), wrong.value.problems


def test_every_wrong_row_of_a_csv_is_named(setup: SetupService) -> None:
    content = b"name,floor\n3-1-702\n3-1-802,8\n3-1-902,x\n3-1-1002,1,2\n"
    with pytest.raises(BadSetup) as wrong:
        setup.preview(SetupFile(b'flats = "f.csv"\n', beside={"f.csv": content}), "admin")
    assert [line.split(":")[1] for line in wrong.value.problems] == ["2", "4", "5"]


def test_row_is_written_without_its_defaults() -> None:
    rows: Rows = {SiteZone: {"gym": SiteZone("gym", capacity=40)}, Plan: {}}
    tables = [table for table in SETUP_TABLES if table.kind in (SiteZone, Plan)]
    assert write_setup(tables, rows, 7, {}) == HEADER + 'plan = []\n\n[[zone]]\nname = "gym"\ncapacity = 40\n'
