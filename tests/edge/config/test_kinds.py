"""Kinds of station are found by the name of their file."""

from pathlib import Path

import pytest

from contract.archetypes import Undeclared
from contract.kinds.door import DOOR
from edge.archetypes.protocol import Edge, Rest, Show
from edge.config import device_config
from edge.config.kinds import UnknownKind, find_kind, our_kinds
from tests.added_kinds import remove_folders
from tests.edge.support.kinds import add_kind
from tests.edge.support.rig import GATES

BELL = '''\
"""A bell: whoever presses it is seen."""

from msgspec import Struct

from contract.kinds.bell import KIND as BELL
from edge.archetypes.protocol import Edge, Report
from edge.archetypes.station import Station


class BellSettings(Struct, frozen=True, forbid_unknown_fields=True):
    loud: bool = True


def start(point, settings):
    return 0


def step(state, happened, now_ms):
    match happened:
        case Edge(name="button", active=True):
            return state + 1, [BELL.seen()]
    return state, []


def report(state):
    return Report("idle")


KIND = Station(BELL, {"button": True}, {}, BellSettings, start, step, report)
'''


@pytest.mark.parametrize("name", ["door", "turnstile"])
def test_our_kinds_are_found_by_name(name: str) -> None:
    kind = find_kind(name)
    assert kind.name == name
    assert kind.report(kind.start("gym", kind.settings())).phase
    assert name in our_kinds()


def test_a_kind_of_ones_own_is_found_in_its_folder(tmp_path: Path) -> None:
    add_kind(tmp_path, "bell", BELL)
    kind = find_kind("bell")
    assert (kind.inputs, kind.outputs, kind.settings().loud) == ({"button": True}, {}, True)  # type: ignore[attr-defined]


def test_a_config_may_name_a_kind_of_ones_own(tmp_path: Path) -> None:
    add_kind(tmp_path, "bell", BELL)
    file = tmp_path / "bells.toml"
    file.write_text(
        GATES
        + '[[point]]\nname = "bell"\nkind = "bell"\nzone = "gym"\nsettings.loud = false\ninputs.button = { pin = 12 }\n'
    )
    loaded = device_config.load(file)
    assert loaded.settings["bell"].loud is False
    remove_folders()
    with pytest.raises(device_config.ConfigError, match="there is no kind of station 'bell'"):
        device_config.load(file)


@pytest.mark.parametrize(
    "name", ["", "Door", "../door", "edge.stations.door", "door.py", "door2", "a/b", "dóor", "door\n"]
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UnknownKind, match="a kind is named in lower-case letters and underscores"):
        find_kind(name)


def test_a_kind_nobody_wrote_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownKind, match=r"there is no kind of station 'volcano'; ours are .*door, .*turnstile"):
        find_kind("volcano")


@pytest.mark.parametrize("name", ["__init__", "_"])
def test_a_file_that_is_no_station_is_refused(name: str) -> None:
    with pytest.raises(UnknownKind):
        find_kind(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("INPUTS = {}", "'bell' is no kind of station: its file offers no KIND of that name"),
        ("from edge.stations.door import KIND", "'bell' is no kind of station: its file offers no KIND of that name"),
        ("import nothing_of_that_name", "bell cannot be loaded: No module named"),
        ("def step(:", "bell cannot be loaded: invalid syntax"),
    ],
)
def test_a_kind_that_cannot_be_loaded_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    add_kind(tmp_path, "bell", text)
    with pytest.raises(UnknownKind, match=said) as wrong:
        find_kind("bell")
    assert "\n" not in str(wrong.value)


def test_station_outside_its_kind_is_stopped(tmp_path: Path) -> None:
    """What a station records or shows, its kind declares: else it is a fault of the station."""
    add_kind(tmp_path, "bell", BELL)
    bell = find_kind("bell")
    bell.check([*bell.step(0, Edge("button", True), 0)[1], Show("red", "busy"), Rest("gong")])
    with pytest.raises(Undeclared, match=r"bell records door\.forced, which it does not declare"):
        bell.check([DOOR.forced()])
    with pytest.raises(Undeclared, match="bell shows ding_dong, for which it has no words"):
        bell.check([Show("green", "ding_dong")])
