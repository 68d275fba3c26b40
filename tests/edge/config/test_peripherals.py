from pathlib import Path

import pytest

from edge.config.device_config import ConfigError, DeviceConfig, check
from edge.config.peripherals import Bus, Instrument, PostLine, Scanner
from tests.edge.support.kinds import add_kind

KIND = """
from msgspec import Struct
from contract.kinds.tool import KIND as TOOL
from edge.archetypes.protocol import Report
from edge.archetypes.station import Station
def start(point, settings): return point
def step(state, happened, now_ms): return state, []
def report(state): return Report("idle")
meters, lines = {"meter": True, "thermometer": False}, {"ocpp": False}
KIND = Station(TOOL, {}, {}, Struct, start, step, report, meters, lines)
"""
HEAD = '[device]\nsite = "s"\nname = "d"\n\n[cloud]\nbroker = "mqtt://127.0.0.1"\n'
BUS = '\n[[bus]]\nname = "meters"\ndevice = "ttyS0"\n'
READER = '\n[[reader]]\nname = "hub"\nd0 = 5\nd1 = 6\npoints = { "1" = "one" }\n'


def point(name: str, *tables: str, address: int = 1, model: str = "pzem004t", more: str = "") -> str:
    meter = f'[point.instruments.meter]\nbus = "meters"\nmodel = "{model}"\naddress = {address}\n{more}\n'
    return f'\n[[point]]\nname = "{name}"\nkind = "tool"\nzone = "z"\n{meter}' + "\n".join(tables)


def load(tmp_path: Path, *parts: str) -> DeviceConfig:
    add_kind(tmp_path, "tool", KIND)
    return check(HEAD + "".join(parts), tmp_path / "device.toml", named="it")


def test_a_point_is_read_by_the_instruments_on_a_bus(tmp_path: Path) -> None:
    config = load(tmp_path, BUS, READER, point("one"))
    assert config.buses == (Bus("meters", "ttyS0", 9600),)
    assert config.points[0].instruments == {"meter": Instrument("meters", "pzem004t", 1)}
    assert config.readers[0].points == {"1": "one"}


def test_a_point_talks_over_the_connector_of_a_post(tmp_path: Path) -> None:
    line = '[point.lines.ocpp]\npost = "ev-1"\n'
    config = load(tmp_path, BUS, '\n[ocpp]\nlisten = "192.168.50.1:9000"\n', point("one", line))
    assert config.points[0].lines == {"ocpp": PostLine("ev-1", 1)}


def test_scanner_stands_beside_a_reader(tmp_path: Path) -> None:
    config = load(tmp_path, BUS, point("one", '[point.scanners.in]\ndevice = "scanner"\nplates = true\n'))
    assert config.points[0].scanners == {"in": Scanner("scanner", "serial", 9600, plates=True)}


@pytest.mark.parametrize(
    ("scanner", "complaint"),
    [
        ("line = 'usb'", r"scanners.in.line: Invalid enum value 'usb'; write serial or keyboard"),
        ("baud = 9601", r"scanners.in.baud: Invalid enum value 9601; write"),
        ("plate = true", r"scanners.in.plate: unknown key"),
        ("[point.scanners.up]\ndevice = 'b'", r"scanners: Invalid enum value 'up'; write in or out"),
        ("[point.scanners.out]\ndevice = 'a'", r"scanners.out.device: a is used by point\[0\].scanners.in already"),
        ("[point.scanners.out]\ndevice = 'ttyS0'", r"scanners.out.device: ttyS0 is used by bus\[0\] already"),
    ],
)
def test_scanner_that_is_wired_wrongly_is_named(tmp_path: Path, scanner: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load(tmp_path, BUS, point("one", f"[point.scanners.in]\ndevice = 'a'\n{scanner}\n"))


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ([point("one")], r"point\[0\].instruments.meter.bus: no bus has this name; theirs: \(none\)"),
        ([BUS, point("one"), point("two")], r"point\[1\].*address: address 1 is used by point\[0\].instruments.meter"),
        (
            [BUS, point("one"), point("two", model="ntc8", more="channel = 1")],
            r"point\[1\].*address 1 is used by another model already",
        ),
        ([BUS, point("one", address=0)], r"point\[0\].instruments.meter.address: Expected `int` >= 1"),
        ([BUS, point("one", model="em24")], r"model: Invalid enum value 'em24'; write pzem004t or sdm120 or ntc8"),
        ([BUS, point("one", model="ntc8")], r"an ntc8 needs its channel, 0 to 7; no other model has one"),
        ([BUS, point("one", more="channel = 1")], r"an ntc8 needs its channel, 0 to 7; no other model has one"),
        (
            [BUS.replace('ttyS0"', 'ttyS0"\nbaud = 9601'), point("one")],
            r"bus\[0\].baud: Invalid enum value 9601; write",
        ),
        ([BUS, BUS, point("one")], r"bus\[1\].name: 'meters' stands in another bus already"),
        ([BUS, point("one").replace("meter]", "scale]")], r"a tool has the instruments meter, thermometer"),
        (['\n[[point]]\nname = "one"\nkind = "tool"\nzone = "z"\n'], r"point\[0\]: a tool needs instruments.meter"),
        ([BUS, point("one", '[point.lines.ocpp]\npost = "ev-1"\n')], r"the table \[ocpp\] is missing"),
        ([BUS, READER.replace('"one"', '"two"'), point("one")], r"reader\[0\].points.1: no point is named 'two'"),
        ([BUS, READER.replace("d1 = 6", "d1 = 5"), point("one")], r"reader\[0\].d1: pin 5 is used by reader\[0\].d0"),
        ([BUS, READER.replace('"1"', '"01"'), point("one")], r"points.01: write the number that people key, 1 to 999"),
        ([BUS, '\n[ocpp]\nlisten = "anywhere"\n', point("one")], r"ocpp.listen: write an address of this device"),
        ([BUS, '\n[ocpp]\nlisten = "10.0.0.1"\n', point("one")], r"ocpp.listen: write an address of this device"),
    ],
)
def test_what_is_wired_wrongly_is_one_clear_line(tmp_path: Path, parts: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load(tmp_path, *parts)
