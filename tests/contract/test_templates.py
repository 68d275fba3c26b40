"""Templates and ranges are written out the same way for everybody, and what is wrong with them names its key."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from contract.templates import BadKey, Expansion, Place
from contract.toml_text import MAX_ENTRIES, read_toml

ROOT = Path(__file__).parents[2]
PHONES = """
[template.socket]
kind = "socket"
outputs.relay.load = "power_to_run"

[[point]]
name = "phone-1..3"
template = "socket"
outputs.relay.pin = "11, 13..14"

[[reader]]
name = "hub"
points = { "1..3" = "phone-1..3", "9" = "door" }

[[point]]
name = "door"
kind = "door"
"""


def expanded(text: str) -> dict[str, Any]:
    return Expansion(tomllib.loads(text)).document


def phone(number: int, pin: int) -> dict[str, Any]:
    return {
        "name": f"phone-{number}",
        "kind": "socket",
        "outputs": {"relay": {"pin": pin, "load": "power_to_run"}},
    }


def test_template_and_range_are_written_out() -> None:
    door = {"name": "door", "kind": "door"}
    assert expanded(PHONES) == {
        "point": [phone(1, 11), phone(2, 13), phone(3, 14), door],
        "reader": [
            {"name": "hub", "points": {"1": "phone-1", "2": "phone-2", "3": "phone-3", "9": "door"}},
        ],
    }


def test_hub_sample_says_what_it_said() -> None:
    """The riders' hub as it stood before ranges, point by point."""
    before = read_toml((ROOT / "tests" / "fixtures" / "wirings" / "hub-point-by-point.toml").read_text())
    assert Expansion(read_toml((ROOT / "config" / "hub.toml").read_text())).document == before


@pytest.mark.parametrize("name", ["door", "ev-post", "socket", "turnstile"])
def test_wiring_without_templates_stays_as_it_is(name: str) -> None:
    document = read_toml((ROOT / "config" / f"{name}.toml").read_text())
    assert Expansion(document).document == document


def test_points_of_template_share_no_table() -> None:
    text = "[template.t]\nsettings.limits.power_w = 800\n" + "[[point]]\nname = 'p-1..2'\ntemplate = 't'\n"
    first, second = expanded(text)["point"]
    first["settings"]["limits"]["power_w"] = 0
    assert second["settings"] == {"limits": {"power_w": 800}}


def test_range_reaches_into_names_and_lists() -> None:
    text = (
        '[[point]]\nname = "ev-1..2"\nlines.ocpp = { post = "CP_1..2", connector = 1 }\nsettings.a = [{ b = "5, 7" }]'
    )
    first, second = expanded(text)["point"]
    assert first == {"name": "ev-1", "lines": {"ocpp": {"post": "CP_1", "connector": 1}}, "settings": {"a": [{"b": 5}]}}
    assert (second["lines"]["ocpp"]["post"], second["settings"]["a"]) == ("CP_2", [{"b": 7}])


def test_range_of_plain_point_is_left_to_checks() -> None:
    """One point with a range of pins: a pin is a number, and whoever checks the point says so."""
    assert expanded('[[point]]\nname = "a"\npin = "1..2"') == {"point": [{"name": "a", "pin": "1..2"}]}


T = "[template.t]\nkind = 'socket'\nzone = 'hub'\nsettings.class = 'phone'\n"
WRONG = {
    "an unknown name": (f"{T}[[point]]\ntemplate = 't'\n[[point]]\ntemplate = 'u'", "point[1].template", "there is t"),
    "an unknown name, and none known": ("[[point]]\ntemplate = 'u'", "point[0].template", "there is none"),
    "no name": (f"{T}[[point]]\ntemplate = 4", "point[0].template", "no template of this file"),
    "a name that is a list": (f"{T}[[point]]\ntemplate = ['t']", "point[0].template", "no template of this file"),
    "a circle": ("[template.t]\ntemplate = 't'\n[[point]]\ntemplate = 't'", "template.t.template", "has no template"),
    "a template of a template": (
        f"{T}[template.u]\ntemplate = 't'\n[[point]]\ntemplate = 'u'",
        "template.u.template",
        "a template has no template; write it at the point",
    ),
    "a template with a name": ("[template.t]\nname = 'a'\n[[point]]\ntemplate = 't'", "template.t.name", "no name"),
    "a template that nobody names": (f"{T}[[point]]\nname = 'a'", "template.t", "no point names this template"),
    "templates without names": ("[[template]]\nzone = 'z'", "template", "write [template.socket]"),
    "a template that is no table": ("template.t = 3\n[[point]]\ntemplate = 't'", "template.t", "write [template.t]"),
    "a key set twice": (f"{T}[[point]]\ntemplate = 't'\nzone = 'hub'", "point[0].zone", "the template t has this key"),
    "a deep key set twice": (
        f"{T}[[point]]\ntemplate = 't'\nsettings = {{ bank = 'b', class = 'ebike' }}",
        "point[0].settings.class",
        "write it in one of the two",
    ),
    "a table against a value": (f"{T}[[point]]\ntemplate = 't'\nzone.a = 1", "point[0].zone", "write it in one of"),
    "fewer pins than names": (
        "[[point]]\nname = 'p-1..8'\noutputs.relay.pin = '11..17'",
        "point[0].outputs.relay.pin",
        "7 values for 8 points, p-1 to p-8; write one for each",
    ),
    "more of a list": ("[[point]]\nname = 'p-1..2'\na = [1, '1..3']", "point[0].a[1]", "3 values for 2 points"),
    "a name that counts down": ("[[point]]\nname = 'p-8..1'", "point[0].name", "8..1 counts down"),
    "a name without letters": ("[[point]]\nname = '1..8'", "point[0].name", 'write it like "phone-1..8"'),
    "a name with zeros in front": ("[[point]]\nname = 'p-01..08'", "point[0].name", "this is no range of names"),
    "a name that goes on": ("[[point]]\nname = 'p-1..8-left'", "point[0].name", "this is no range of names"),
    "fewer keys than points": (
        "[[reader]]\npoints = { '1..2' = 'p-1..3' }",
        'reader[0].points."1..2"',
        "2 numbers for 3 points",
    ),
    "a key of several ranges": (
        "[[reader]]\n[[reader]]\npoints = { '1..2' = 'p-1..2', '2..3' = 'q-1..2' }",
        'reader[1].points."2..3"',
        "the number 2 stands in this table already",
    ),
    "a range without end": ("[[point]]\nname = 'p-1..9999'", "point[0].name", f"more than {MAX_ENTRIES} numbers"),
    "more keys than a text may have": (
        "[[point]]\nname = 'p-1..1001'\nkind = 'a'\nzone = 'b'\nfree_exit = true",
        "point[0]",
        f"written out, this file has more than {MAX_ENTRIES} keys; write fewer points",
    ),
    "a long template many times": (
        f"[template.t]\nsettings.a = {[0] * 900}\n" + "[[point]]\ntemplate = 't'\n" * 5,
        "point[4]",
        "write fewer points",
    ),
    "many ranges of keys": (
        "".join(f"[[reader]]\npoints = {{ '1..1500' = '{name}-1..1500' }}\n" for name in "abc"),
        'reader[2].points."1..1500"',
        "write fewer points",
    ),
}


@pytest.mark.parametrize(("text", "key", "problem"), WRONG.values(), ids=WRONG)
def test_wrong_template_names_its_key(text: str, key: str, problem: str) -> None:
    with pytest.raises(BadKey) as wrong:
        expanded(text)
    assert wrong.value.key == key
    assert problem in wrong.value.problem


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("point[1].outputs.relay.pin", Place("point[0].outputs.relay.pin", "phone-2")),
        ("point[1].outputs.relay.load", Place("template.socket.outputs.relay.load", "phone-2")),
        ("point[2].outputs.relay", Place("point[0].outputs.relay", "phone-3")),
        ("point[2].zone", Place("point[0].zone", "phone-3")),
        ("point[3].kind", Place("point[1].kind")),
        ("point[4].kind", Place("point[4].kind")),
        ("reader[0].points.3", Place('reader[0].points."1..3"')),
        ("reader[0].points.9", Place("reader[0].points.9")),
        ("cloud.broker", Place("cloud.broker")),
    ],
)
def test_key_is_found_in_the_file(key: str, place: Place) -> None:
    assert Expansion(tomllib.loads(PHONES)).place(key) == place


def test_template_of_one_point_names_that_point() -> None:
    found = Expansion(tomllib.loads(f"{T}[[point]]\nname = 'bank-a'\ntemplate = 't'"))
    assert found.place("point[0].kind") == Place("template.t.kind", "bank-a")
    assert found.place("point[0].name") == Place("point[0].name")


@given(some.lists(some.integers(0, 9999), min_size=2, max_size=40), some.integers(0, 9000))
def test_range_is_its_numbers_in_order(pins: list[int], first: int) -> None:
    text = f'[[point]]\nname = "p-{first}..{first + len(pins) - 1}"\npin = "{", ".join(map(str, pins))}"'
    points = [{"name": f"p-{first + index}", "pin": pin} for index, pin in enumerate(pins)]
    assert expanded(text) == {"point": points}


words = some.sampled_from(
    ["name", "template", "point", "reader", "points", "t", "p-1..3", "1..3", "4, 6", "a,b", "9..1"]
)
values = some.recursive(
    words | some.integers() | some.booleans(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(words, inner, max_size=4),
    max_leaves=30,
)


@given(some.dictionaries(words, values, max_size=5))
def test_any_document_is_written_out_or_refused(document: dict[str, Any]) -> None:
    """Whatever was read, nothing else is raised, no range is left in a name, and every key has its place."""
    try:
        found = Expansion(document)
    except BadKey as wrong:
        assert wrong.key.startswith(("template", "point[", "reader["))
        return
    assert "template" not in found.document
    points = found.document.get("point")
    for index, point in enumerate(points if isinstance(points, list) else []):
        assert found.place(f"point[{index}].name").key.startswith("point[")
        name = point.get("name") if isinstance(point, dict) else None
        assert not isinstance(name, str) or ".." not in name
