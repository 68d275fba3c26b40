"""The invented estate has the counts of its articles, and one of everything."""

import csv
import tomllib
from io import StringIO

from firmware_sim.people import estate


def test_estate_has_the_counts_of_its_articles() -> None:
    flats, people = list(estate.flats()), list(estate.people())
    assert len({flat.name for flat in flats}) == estate.FLATS
    assert len({(one.facility, one.card) for one in people}) == len({one.name_zh for one in people}) == len(people)
    founders = [one for one in people if one.plan == "founder"]
    assert len({one.flat for one in founders}) == sum(one.is_payer for one in founders) == estate.FOUNDERS
    assert len(founders) == estate.FOUNDERS * estate.FAMILY
    assert sum(one.plan == "yearly" for one in people) == estate.YEARLY_MEMBERS
    assert len({one.company for one in people} - {""}) == estate.COMPANIES


def test_setup_names_a_door_for_each_unit() -> None:
    """And a button of the lift for each floor where somebody lives."""
    setup = tomllib.loads(estate.setup_toml(70))
    points = [point for point in setup["point"] if "unit" in point]
    flats = list(csv.DictReader(StringIO(estate.flats_csv(70))))
    units = {f"{flat['building']}-{flat['unit']}" for flat in flats}
    assert {point["unit"] for point in points if "floor" not in point} == units == {"1-1", "1-2"}
    served = {(point["unit"], point["floor"]) for point in points if "floor" in point}
    assert served == {(f"{flat['building']}-{flat['unit']}", int(flat["floor"])) for flat in flats}


def test_table_of_people_has_everybody() -> None:
    rows = list(csv.DictReader(StringIO(estate.people_csv(30, 2))))
    assert [row["name_zh"] for row in rows] == [one.name_zh for one in estate.people(30, 2)]
    assert {row["company"] for row in rows} == {"", "企业 1", "企业 2"}
