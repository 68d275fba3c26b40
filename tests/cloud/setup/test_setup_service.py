"""A setup is compared, put in place in one transaction, and a grave change wants a second step."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from cloud.hours.service import MAX_SPECIAL_DAYS
from cloud.keys.keys import KeyFolder
from cloud.people.plans import Plan
from cloud.people.store import list_plans
from cloud.points.zones import ZoneService
from cloud.sample import seed_sample
from cloud.setup.document import BadSetup, SetupFile
from cloud.setup.service import NeedsAccept, Outdated, SetupService
from cloud.setup.summary import lines_of, values_of
from cloud.setup_tables import SETUP_TABLES
from cloud.store.database import Store
from cloud.web.operators import first_broken_entry, list_audit
from cloud.web.tables import audit
from tests.cloud.setup.conftest import service_over
from tests.cloud.support.town import NOW_MS

OPEN_GYM = 'opens = { gym = "always" }\nlabel = { zh = "年度会员", en = "Yearly member" }\n'


@pytest.fixture
def sunny(store: Store, keys: KeyFolder) -> SetupService:
    """The setup of the sample, with its people."""
    with store.writing() as connection:
        seed_sample(connection, keys, NOW_MS)
    return service_over(store)


def edited(setup: SetupService, old: str, new: str) -> SetupFile:
    """What is exported, with one piece of it replaced."""
    text = setup.export()
    assert text.count(old) == 1, text
    return SetupFile(text.replace(old, new).encode())


def without_plan(setup: SetupService, name: str) -> SetupFile:
    text = re.sub(rf'\n\[\[plan\]\]\nname = "{name}"\n(?:[^\n\[].*\n)+', "", setup.export())
    return SetupFile(text.encode())


def test_dry_run_names_who_gains_and_loses(sunny: SetupService, store: Store) -> None:
    before = rows_in_audit(store)
    found = sunny.preview(edited(sunny, OPEN_GYM, OPEN_GYM.replace("gym", "hub")), "admin")
    gains = {one.point: (one.plan, one.people, [name.en for name in one.names]) for one in found.impact.gains}
    assert gains["hub-door"] == ("yearly", 1, ["Li Si"])
    assert [(one.plan, one.point, one.people) for one in found.impact.loses] == [("yearly", "gym-turnstile", 1)]
    assert [(one.table, one.key, one.what) for one in found.differences] == [("plan", "yearly", "changed")]
    assert rows_in_audit(store) == before


def test_calendar_that_no_device_takes_is_refused(sunny: SetupService, store: Store) -> None:
    """The limits hold for the whole of it, and are looked at once."""
    before = rows_in_audit(store)
    days = (date(2027, 1, 1) + timedelta(days=number) for number in range(MAX_SPECIAL_DAYS + 1))
    text = "".join(f"[[special_day]]\nday = {day}\nkind = 'rest'\n" for day in days)
    with pytest.raises(BadSetup, match="would have 801 special days, and a site has at most 800"):
        sunny.apply(SetupFile(text.encode()), "admin")
    assert rows_in_audit(store) == before


def test_hard_anti_passback_needs_named_exits(sunny: SetupService) -> None:
    file = edited(sunny, 'name = "gym"\n', 'name = "gym"\nanti_passback = "hard"\n')
    with pytest.raises(BadSetup, match="nobody is named who leaves by gym-turnstile"):
        sunny.preview(file, "admin")


def rows_in_audit(store: Store) -> int:
    with store.reading() as connection:
        return len(connection.execute(select(audit.c.id)).all())


def test_each_change_has_its_audit_row(founded: Store, setup: SetupService) -> None:
    text = setup.export() + '\n[[zone]]\nname = "roof"\nlabel = { zh = "屋顶", en = "Roof" }\n'
    setup.apply(SetupFile(text.replace("capacity", "capacity").encode()), "office")
    with founded.reading() as connection:
        newest = list_audit(connection, limit=2)
        assert [(one.action, one.subject, one.operator) for one in newest] == [
            ("setup.applied", "moon-court", "office"),
            ("zone.added", "roof", "office"),
        ]
        assert newest[0].detail == {"added": "1", "changed": "0", "removed": "0"}
        assert first_broken_entry(connection) is None


def test_home_taken_away_wants_a_second_step(sunny: SetupService, store: Store) -> None:
    file = edited(sunny, 'estate = "always", home = "always", own-floor = "always"', 'home = "always"')
    with pytest.raises(NeedsAccept) as wants:
        sunny.apply(file, "admin")
    assert len(wants.value.preview.impact.homes) > 0
    assert "lose a way home" in str(wants.value)
    with store.reading() as connection:
        resident = next(plan for plan in list_plans(connection) if plan.name == "resident")
    assert "estate" in resident.opens
    assert sunny.apply(file, "admin", wants.value.preview.code).differences
    with store.reading() as connection:
        resident = next(plan for plan in list_plans(connection) if plan.name == "resident")
    assert dict(resident.opens) == {"home": "always"}


def test_point_that_nobody_opens_wants_a_second_step(setup: SetupService) -> None:
    """A plan that nobody holds yet counts as well: no card is needed for a lock-out."""
    point = '\n[[point]]\nname = "pool-door"\ndevice = "pool"\nzone = "gym"\n'
    setup.apply(SetupFile(setup.export().replace("point = []\n", "").encode() + point.encode()), "admin")
    shut = re.sub(r"gym = \"[\w-]+\"(, )?", "", setup.export())
    with pytest.raises(NeedsAccept) as wants:
        setup.apply(SetupFile(shut.encode()), "admin")
    assert wants.value.preview.impact.locked == ["pool-door"]


def test_tenth_of_all_rows_wants_a_second_step(sunny: SetupService) -> None:
    file = edited(
        sunny, 'opens = { estate = "always", hub = "always" }', 'opens = { estate = "gym-hours", hub = "always" }'
    )
    with pytest.raises(NeedsAccept, match="more than a tenth") as wants:
        sunny.apply(file, "admin")
    assert wants.value.preview.impact.other_hours
    assert not wants.value.preview.impact.homes


def test_code_fits_while_nothing_else_changed(sunny: SetupService, store: Store) -> None:
    file = edited(sunny, 'estate = "always", home = "always", own-floor = "always"', 'home = "always"')
    code = sunny.preview(file, "admin").code
    assert sunny.preview(file, "admin").code == code
    with pytest.raises(NeedsAccept):
        sunny.apply(file, "admin", "00000000")
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE sites SET revision = revision + 1")
    with pytest.raises(NeedsAccept) as wants:
        sunny.apply(file, "admin", code)
    assert wants.value.preview.code != code


def test_second_clerk_is_told_what_changed(founded: Store, setup: SetupService) -> None:
    theirs = setup.export() + '\n[[zone]]\nname = "roof"\n'
    ZoneService(founded, lambda: NOW_MS).add("office", "yard")
    with pytest.raises(Outdated) as newer:
        setup.apply(SetupFile(theirs.encode()), "admin")
    assert [(one.operator, one.action, one.subject) for one in newer.value.entries] == [
        ("office", "zone.added", "yard")
    ]
    assert "office: Added a zone yard" in str(newer.value)
    text = re.sub(r"as_of_change = \d+\n", "", theirs).replace('name = "roof"', 'name = "yard"')
    assert "yard" in setup.export()
    setup.apply(SetupFile(text.encode()), "admin")


def test_absent_table_stays_as_it_is(setup: SetupService) -> None:
    before = setup.export()
    setup.apply(SetupFile(b"[[special_day]]\nday = 2027-10-01\nkind = 'rest'\nlabel = 'National day'\n"), "admin")
    after = setup.export()
    assert "2027-10-01" in after
    assert after.count("[[plan]]") == before.count("[[plan]]") > 0


def test_days_that_follow_are_one_range(setup: SetupService) -> None:
    """However the file has them, which is no difference."""
    days = "".join(f"[[special_day]]\nday = 2027-10-0{number}\nkind = 'rest'\n" for number in (1, 3))
    days += "[[special_day]]\nfrom = 2027-10-02\nuntil = 2027-10-02\nkind = 'rest'\n"
    days += "[[special_day]]\nday = 2027-10-05\nkind = 'rest'\nlabel = 'alone'\n"
    assert len(setup.apply(SetupFile(days.encode()), "admin").differences) == 4
    assert '[[special_day]]\nfrom = 2027-10-01\nuntil = 2027-10-03\nkind = "rest"\n' in setup.export()
    assert (
        '[[special_day]]\nday = 2027-10-05\nkind = "rest"\nlabel = { zh = "alone", en = "alone" }\n' in setup.export()
    )
    assert setup.apply(SetupFile(days.encode()), "admin").differences == []
    assert setup.apply(SetupFile(setup.export().encode()), "admin").differences == []


def test_gate_with_other_hours_wants_a_second_step(sunny: SetupService) -> None:
    """It is no home any more, by which an old roster or an unset clock let its residents in."""
    old, new = 'opens = { estate = "always", home', 'opens = { estate = "gym-hours", home'
    assert len(sunny.preview(edited(sunny, old, new), "admin").impact.homes) > 0


def test_held_plan_is_not_removed(sunny: SetupService) -> None:
    with pytest.raises(BadSetup, match=r"plan yearly: it is missing here\. 3 memberships are of this plan \(Li Si"):
        sunny.apply(without_plan(sunny, "yearly"), "admin")


def test_openings_are_exported_by_name(setup: SetupService) -> None:
    """Whatever the order in which a file has them, which is no difference."""
    pool = '\n[[plan]]\nname = "pool"\ntier = "member"\nfee_yuan = 0\nopens = { %s }\nlabel = { en = "P" }\n'
    here = 'hub = "always"', 'estate = "always"'
    bare = re.sub(r"as_of_change = \d+\n", "", setup.export())
    setup.apply(SetupFile((bare + pool % ", ".join(here)).encode()), "admin")
    assert 'opens = { estate = "always", hub = "always" }\nlabel = { zh = "P"' in setup.export()
    again = SetupFile((bare + pool % ", ".join(reversed(here))).encode())
    assert setup.apply(again, "admin").differences == []


def test_one_row_is_changed_like_a_file(setup: SetupService, founded: Store) -> None:
    with founded.reading() as connection:
        plan = next(plan for plan in list_plans(connection) if plan.name == "staff")
    assert setup.change("admin", Plan, {"staff": plan}).differences == []
    assert [one.key for one in setup.change("admin", Plan, {"staff": None}).differences] == ["staff"]
    assert 'name = "staff"' not in setup.export()


def test_gap_is_a_warning_and_applies(setup: SetupService) -> None:
    file = SetupFile(b"[[flat]]\nname = '3-1-702'\n")
    preview = setup.apply(file, "admin")
    assert not preview.reasons
    assert any("3-1-702" in gap for gap in values_of(preview, is_done=True)["warnings"])
    assert [line for line in lines_of(setup.preview(file, "admin"), is_done=False) if "3-1-702" in line]


def test_plans_of_init_leave_no_gap(setup: SetupService) -> None:
    assert setup.preview(SetupFile(setup.export().encode()), "admin").gaps == []


def test_tables_stand_in_the_order_they_depend() -> None:
    places = [table.place for table in SETUP_TABLES]
    assert len(set(places)) == len(places)
    assert len({table.name for table in SETUP_TABLES}) == len(places)
    assert len({table.kind for table in SETUP_TABLES}) == len(places)
