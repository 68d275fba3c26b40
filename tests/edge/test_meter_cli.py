"""What an installer types about meters, and what they read. The line is a pseudo-terminal with instruments on it."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge import meter_cli
from edge.instruments import commissioning, load_test
from edge.instruments.serial_line import SerialLine
from edge.meter_cli import app
from tests.edge.support.ptys import served
from tests.edge.support.wires import NTC, PZEM, Meter, Pzem

CONFIG = """\
[device]
site = "sunny-court"
name = "hub"
state = "state"
keys = "keys"
run = "run"
[cloud]
broker = "mqtt://127.0.0.1:1883"

[[bus]]
name = "meters"
device = "meters"
answer_ms = 1000
"""
SOCKET = """
[[point]]
name = "phone-{number}"
kind = "socket"
zone = "hub"
settings.class = "phone"
outputs.relay = {{ pin = {pin}, load = "power_to_run" }}
instruments.meter = {{ bus = "meters", model = "pzem004t", address = {number} }}
instruments.thermometer = {{ bus = "meters", model = "ntc8", address = 40, channel = {number} }}
"""
TYPED = CliRunner()
IDLE = [2301, 0, 0, 0, 0, 4321, 0, 500, 0, 0]


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commissioning, "TRIES", 1)
    monkeypatch.setattr(commissioning, "BEHIND_S", 0.05)
    monkeypatch.setattr(load_test, "SETTLE_S", 0.0)
    monkeypatch.setattr(load_test, "WARM_S", 0.0)


@pytest.fixture
def config(tmp_path: Path) -> str:
    points = [SOCKET.format(number=number, pin=16 + number) for number in (1, 2)]
    (tmp_path / "device.toml").write_text(CONFIG + "".join(points))
    return str(tmp_path / "device.toml")


@pytest.fixture
def meters() -> list[Pzem]:
    return [Pzem(1), Pzem(2)]


@pytest.fixture
def hub(tmp_path: Path, meters: list[Pzem]) -> Iterator[None]:
    """Two sockets' meters and the board with their thermistors."""
    with served(tmp_path / "meters", [*meters, Meter(40, [NTC[0], 250, 251, *NTC[3:]], function=3)]):
        yield


def typed(*words: str, code: int = 0) -> str:
    done = TYPED.invoke(app, words)
    assert done.exit_code == code, done.output
    return done.stdout


def refused(*words: str) -> str:
    """The one line of an error of the user's."""
    done: Result = TYPED.invoke(app, words)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.usefixtures("hub")
def test_read_says_what_every_instrument_says(config: str) -> None:
    rows = json.loads(typed("read", "--config", config, "--json"))
    assert [(row["instrument"], row["address"], row["why"]) for row in rows] == [
        ("phone-1.meter", 1, ""),
        ("phone-1.thermometer", 40, ""),
        ("phone-2.thermometer", 40, ""),
        ("phone-2.meter", 2, ""),
    ]
    assert rows[0]["values"]["power_w"] == 1188.0
    assert rows[1]["values"] == {"temperature_c": 25.0}
    assert "voltage_v 230.1, current_a 5.217" in " ".join(typed("read", "--config", config).split())


@pytest.mark.usefixtures("hub")
def test_read_names_those_that_do_not_answer(config: str, meters: list[Pzem]) -> None:
    meters[1].mute = True
    rows = json.loads(typed("read", "--config", config, "--json", code=1))
    assert {row["instrument"]: row["why"] for row in rows if row["why"]} == {"phone-2.meter": "silent"}
    assert rows[-1]["values"] is None


def test_a_new_meter_is_given_its_address(config: str, tmp_path: Path) -> None:
    new = Pzem(1)
    with served(tmp_path / "meters", [new]):
        given = json.loads(typed("address", "7", "--config", config, "--json"))
        assert given == {"bus": "meters", "address": 7, "former": 1}
        assert new.unit == 7
        assert "has the address 7 already" in typed("address", "7", "--config", config)
        assert "was 7 is now 8" in typed("address", "8", "--config", config, "--from", "7")


def test_two_new_meters_at_once_are_said_and_left_alone(config: str, tmp_path: Path) -> None:
    both = [Pzem(1), Pzem(1, [2310, *PZEM[1:]])]
    with served(tmp_path / "meters", both, collide=True):
        assert "two meters answer at once" in refused("address", "7", "--config", config)
    assert [meter.unit for meter in both] == [1, 1]


@pytest.mark.usefixtures("hub")
def test_reset_begins_at_zero_again(config: str, meters: list[Pzem]) -> None:
    done = json.loads(typed("reset", "phone-2", "--config", config, "--json"))
    assert done == {"point": "phone-2", "before_wh": 4321.0, "after_wh": 0.0}
    assert (meters[0].registers[5], meters[1].registers[5]) == (4321, 0)
    assert "0 Wh before, 0 Wh now" in typed("reset", "phone-2", "--config", config)


@pytest.mark.usefixtures("hub")
def test_a_meter_that_cannot_be_read_is_not_reset(config: str, meters: list[Pzem]) -> None:
    meters[1].mute = True
    assert "address 2 cannot be read: silent" in refused("reset", "phone-2", "--config", config)


class Installer:
    """Does what they are asked to do. ``wired`` says which meter really measures each socket."""

    def __init__(self, meters: Sequence[Pzem], wired: dict[str, Pzem]) -> None:
        self._meters, self._wired = meters, wired
        self.asked: list[str] = []

    def __call__(self, text: str) -> None:
        self.asked.append(text)
        for meter in self._meters:
            meter.registers = list(IDLE)
        if text.startswith("Plug"):
            self._wired[text.split()[4].strip(".,")].registers = list(PZEM)


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("crossed", [False, True])
def test_a_load_test_by_hand_names_crossed_meters(
    config: str, meters: list[Pzem], crossed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = meters[::-1] if crossed else meters
    installer = Installer(meters, {"phone-1": order[0], "phone-2": order[1]})
    installer("begin")
    monkeypatch.setattr(meter_cli, "_ask", installer)
    told = json.loads(typed("load-test", "--by-hand", "--config", config, "--json", code=1 if crossed else 0))
    verdict = "crossed_meter" if crossed else "ok"
    assert [(one["instrument"], one["verdict"]) for one in told["found"]] == [
        ("phone-1.meter", verdict),
        ("phone-2.meter", verdict),
    ]
    assert told["exchange"] == ([["phone-1.meter", "phone-2.meter"]] if crossed else [])
    shown = typed("load-test", "phone-1", "--by-hand", "--config", config, code=1 if crossed else 0)
    assert verdict in shown


@pytest.mark.usefixtures("hub")
def test_a_load_test_without_a_keeper_says_what_to_do(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_test, "KEEPER_WITHIN_S", 0.05)
    assert "no keeper answers" in refused("load-test", "--loads-in", "--config", config)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("read", "--bus", "other"), "no bus is named 'other'; there are: meters"),
        (("reset", "phone-9"), "no point with instruments is named phone-9; there are: phone-1, phone-2"),
        (("load-test", "phone-9"), "no point with instruments is named phone-9"),
        (("load-test", "--by-hand", "--loads-in"), "exclude each other"),
        (("address", "0"), "between 1 and 247"),
    ],
)
@pytest.mark.usefixtures("hub")
def test_what_is_typed_wrong_is_one_clear_line(config: str, words: tuple[str, ...], line: str) -> None:
    assert line in refused(*words, "--config", config)


def test_a_line_that_is_not_there_is_named(config: str, tmp_path: Path) -> None:
    assert f"bus meters: {tmp_path / 'meters'}: No such file or directory" in refused("read", "--config", config)


@pytest.mark.usefixtures("hub")
def test_a_line_that_the_agent_has_is_left_to_it(config: str, tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    taken = SerialLine(tmp_path / "meters", 9600, loop)
    assert "in use by another program" in refused("read", "--config", config)
    taken.close()
    loop.close()


def test_a_running_agent_is_left_alone(config: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "run" / "agent.sock"))
        agent.listen()

        def answer() -> None:
            connection, _ = agent.accept()
            connection.sendall(b"{}\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert "stop it first: systemctl stop hearthgate-agent" in refused("read", "--config", config)
        thread.join()


def test_a_device_without_a_bus_has_no_meters(tmp_path: Path) -> None:
    (tmp_path / "device.toml").write_text(
        CONFIG.partition("[[bus]]")[0] + "[[point]]\nname='d'\nkind='door'\nzone='z'\n"
        "outputs.lock = { pin = 17, load = 'power_to_unlock' }\ninputs.contact = { pin = 22 }\n"
    )
    assert "there is no [[bus]] in it" in refused("read", "--config", str(tmp_path / "device.toml"))
