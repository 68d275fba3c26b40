"""What the cloud reads of a wiring: names, zones and classes, and of nonsense nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cloud.devices.wired import Wired, wired_points
from cloud.sample import SOCKETS

CONFIG = Path(__file__).parents[3] / "config"


def test_a_hub_says_the_classes_of_its_sockets_and_posts_and_nothing_of_its_banks() -> None:
    found = wired_points((CONFIG / "hub.toml").read_text())
    assert sorted((one.name, one.class_name) for one in found) == sorted((name, kind) for name, kind, *_ in SOCKETS)
    assert {one.zone for one in found} == {"hub"}


@pytest.mark.parametrize("sample", ["door", "turnstile"])
def test_a_door_has_no_class(sample: str) -> None:
    (found,) = wired_points((CONFIG / f"{sample}.toml").read_text())
    assert found.class_name == ""


def test_a_socket_that_chooses_nothing_is_for_phones() -> None:
    assert wired_points('[[point]]\nname = "p"\nzone = "z"\nkind = "socket"') == [Wired("p", "z", "phone", "socket")]


def test_template_and_range_say_class_and_zone() -> None:
    template = '[template.t]\nkind = "socket"\nzone = "hub"\nsettings.class = "ebike"\n'
    expected = [Wired("p-1", "hub", "ebike", "socket"), Wired("p-2", "hub", "ebike", "socket")]
    assert wired_points(f'{template}[[point]]\nname = "p-1..2"\ntemplate = "t"') == expected
    assert wired_points(f'{template}[[point]]\nname = "p-1..2"\ntemplate = "u"') == []


def test_a_kind_that_the_cloud_never_heard_of_is_what_its_settings_say() -> None:
    text = '[[point]]\nname = "w"\nzone = "z"\nkind = "washer"\nsettings = { class = "laundry" }'
    assert wired_points(text) == [Wired("w", "z", "laundry", "washer")]


@pytest.mark.parametrize(
    "text",
    [
        *("", "no = toml =", "point = 3", "point = [1, 'x']", "[[point]]\nname = 'No Name'", "[[point]]\nname = 7"),
        "a = " + "[" * 5000,
    ],
)
def test_of_what_is_no_wiring_there_is_nothing(text: str) -> None:
    assert wired_points(text) == []


def test_a_point_with_an_odd_zone_or_odd_settings_still_has_a_name() -> None:
    text = "[[point]]\nname = 'a'\nzone = ['b']\nkind = ['socket']\nsettings = 4"
    assert wired_points(text) == [Wired("a", "")]


@given(some.text(max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    wired_points(text)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("[point.readers.in]\nd0 = 5\nd1 = 6\n[point.readers.out]\nd0 = 7\nd1 = 8", True),
        ('[point.readers.in]\nd0 = 5\nd1 = 6\n[point.scanners.out]\ndevice = "/dev/ttyACM0"', True),
        ("[point.readers.in]\nd0 = 5\nd1 = 6", False),
        ("[point.readers.out]\nd0 = 7\nd1 = 8\n[point.inputs.exit_button]\npin = 9", False),
        ("[point.readers.out]\nd0 = 7\nd1 = 8\n[point.inputs.exit_arm]\npin = 9", False),
        ('readers = "both"\ninputs = 3', False),
    ],
)
def test_way_out_names_who_leaves(lines: str, named: bool) -> None:
    (found,) = wired_points(f'[[point]]\nname = "p"\nzone = "z"\nkind = "door"\n{lines}\n')
    assert found.names_exits is named
