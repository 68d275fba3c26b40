"""A file with templates and ranges is the file written out, and each complaint names the line that is to be mended."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from contract.templates import Expansion
from contract.toml_text import read_toml
from edge.cli import app
from edge.config.device_config import ConfigError, DeviceConfig, check, load

ROOT = Path(__file__).parents[3]
HUB = """\
[device]
site = "sunny-court"
name = "hub"
[cloud]
broker = "mqtt://127.0.0.1:1883"
[[bus]]
name = "meters"
device = "ttyS0"
[[point]]
name = "bank-a"
kind = "bank"
zone = "hub"
outputs.contactor = { pin = 22, load = "power_to_run" }
inputs.feedback.pin = 23
[template.socket]
kind = "socket"
zone = "hub"
settings.bank = "bank-a"
[template.socket.outputs.relay]
load = "power_to_run"
[template.socket.instruments]
meter = { bus = "meters", model = "pzem004t" }
[[point]]
name = "phone-1..3"
template = "socket"
[point.outputs.relay]
pin = "11, 12..13"
[point.instruments]
meter.address = "1..3"
thermometer = { bus = "meters", model = "ntc8", address = 40, channel = "0..2" }
[[reader]]
name = "hub"
d0 = 5
d1 = 6
[reader.points]
"1..3" = "phone-1..3"
"""


def checked(text: str) -> DeviceConfig:
    return check(text, Path("/etc/hub.toml"), named="hub.toml")


def test_hub_sample_is_device_it_was(tmp_path: Path) -> None:
    """Every pin, address, setting and kind is as before; the text has another hash, for it is another text."""
    before = load(ROOT / "tests" / "fixtures" / "wirings" / "hub-point-by-point.toml")
    now = load(ROOT / "config" / "hub.toml")
    assert replace(now, path=before.path, hash=before.hash) == before
    assert len(now.points) == 16


def test_range_is_as_many_points() -> None:
    config = checked(HUB)
    assert [point.name for point in config.points] == ["bank-a", "phone-1", "phone-2", "phone-3"]
    assert [point.outputs["relay"].pin for point in config.points[1:]] == [11, 12, 13]
    assert config.readers[0].points == {"1": "phone-1", "2": "phone-2", "3": "phone-3"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ('"power_to_run"\n[template', '"mains"\n[template'),
            "20: template.socket.outputs.relay.load: at phone-1: Inv",
        ),
        (("11, 12..13", "11, 22..23"), "27: point[1].outputs.relay.pin: at phone-2: pin 22 is used by point[0].outp"),
        (("11, 12..13", "11, 13, 13"), "27: point[1].outputs.relay.pin: at phone-3: pin 13 is used by point[1].outp"),
        (("11, 12..13", "11..12"), "27: point[1].outputs.relay.pin: 2 values for 3 points, phone-1 to phone-3; write"),
        (("11, 12..13", "27..29"), "27: point[1].outputs.relay.pin: at phone-2: Expected `int` <= 27"),
        (("11, 12..13", "11-14"), "27: point[1].outputs.relay.pin: at phone-1: Expected `int`, got `str`; write a num"),
        (('"phone-1..3"\ntemplate', '"phone-1"\ntemplate'), "27: point[1].outputs.relay.pin: Expected `int`, got `s"),
        (('pin = "11', 'load = "power_to_run"\npin = "11'), "27: point[1].outputs.relay.load: the template socket h"),
        (('template = "socket"', 'template = "plug"'), "25: point[1].template: no template of this file has this na"),
        (('zone = "hub"\nsett', "sett"), "22: point[1].zone: at phone-1: missing; write it"),
        (('address = "1..3"', 'address = "1, 2, 2"'), "29: point[1].instruments.meter.address: at phone-3: address 2"),
        (('"0..2"', '"7..9"'), "30: point[1].instruments.thermometer.channel: at phone-2: Expected `int` <= 7"),
        (('[reader.points]\n"1..3"', '[reader.points]\n"1..4"'), '36: reader[0].points."1..4": 4 numbers for 3 poi'),
        (
            ('"1..3" = "phone', '"0..2" = "phone'),
            '36: reader[0].points."0..2": write the number that people key, 1 to 9',
        ),
        (('= "phone-1..3"\n', '= "phone-2..4"\n'), "36: reader[0].points.\"1..3\": no point is named 'phone-4'"),
    ],
)
def test_complaint_names_line_to_mend(change: tuple[str, str], said: str) -> None:
    before, after = change
    start = HUB.rindex(before)
    with pytest.raises(ConfigError) as wrong:
        checked(HUB[:start] + after + HUB[start + len(before) :])
    assert str(wrong.value).startswith(f"hub.toml:{said}")


def test_config_show_writes_templates_out(tmp_path: Path) -> None:
    """What it prints is a file that means the same, and has neither template nor range."""
    file = tmp_path / "hub.toml"
    file.write_text(HUB)
    printed = CliRunner().invoke(app, ["config", "show", "--expanded", "--config", str(file)]).stdout
    assert '\n[[point]]\nname = "phone-3"\n' in printed
    assert "template" not in printed and ".." not in printed.partition("[device]")[2]
    shown = check(printed, Path("/etc/hub.toml"))
    assert replace(shown, hash="") == replace(checked(HUB), hash="")


def test_how_to_shows_what_it_says() -> None:
    page = (ROOT / "docs" / "how-to" / "one-charging-socket.md").read_text()
    example = page.partition("```toml\n")[2].partition("```")[0]
    points = Expansion(read_toml(example)).document["point"]
    assert [(one["name"], one["outputs"]["relay"]["pin"]) for one in points[:: len(points) - 1]] == [
        ("phone-1", 11),
        ("phone-8", 19),
    ]


def test_complaint_names_other_point_too() -> None:
    """Of two points of one block the key is the same: their names tell them apart."""
    with pytest.raises(ConfigError, match=r"at phone-3: pin 13 is used by point\[1\]\.outputs\.relay\.pin of phone-2 "):
        checked(HUB.replace("11, 12..13", "11, 13, 13"))
