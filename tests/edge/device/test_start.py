"""What a unit starts lives for months on a small machine: it loads nothing that only others need."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.edge.support.houses import CONFIG

SHORT_LIFE = """
import sys
from edge import __main__
import edge.{module} as program

async def short_life(_wirings):
    print(*sys.modules)

program.{life} = short_life
__main__.main()
"""
COMMAND_LINE = {"typer", "rich", "pydantic", "click"}
CLOUD = {"sqlalchemy", "fastapi", "httpx"}
STATIONS = {"pymodbus", "ocpp", "websockets", "serial"}
"""What drives stations that this device has none of."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "device.toml"
    path.write_text(CONFIG)
    return path


def lived(module: str, life: str, *words: str) -> subprocess.CompletedProcess[str]:
    program = SHORT_LIFE.format(module=module, life=life)
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_an_agent_loads_no_command_line_no_pins_and_no_foreign_station(config: Path) -> None:
    loaded = set(lived("device.process", "run_agent", "run", "--config", str(config)).stdout.split())
    assert {"edge.device.device", "edge.stations.door"} <= loaded
    assert not loaded & {*COMMAND_LINE, *CLOUD, *STATIONS, "gpiozero", "sqlite_utils"}


def test_a_keeper_loads_no_command_line_and_no_agent(config: Path) -> None:
    loaded = set(lived("keeper.process", "run_keeper", "keeper", "--config", str(config)).stdout.split())
    assert {"gpiozero", "edge.keeper.keeper"} <= loaded
    assert not loaded & {*COMMAND_LINE, *CLOUD, *STATIONS, "edge.device.device", "sqlite_utils"}


@pytest.mark.parametrize("words", [["run"], ["keeper"]], ids=["agent", "keeper"])
def test_whatever_else_is_typed_means_the_same(config: Path, words: list[str]) -> None:
    module, life = ("device.process", "run_agent") if words == ["run"] else ("keeper.process", "run_keeper")
    (config.parent / "kinds").mkdir()
    done = lived(module, life, *words, "-c", str(config), "--kinds", str(config.parent))
    assert (done.returncode, "typer" in done.stdout.split()) == (0, True)


@pytest.mark.parametrize("command", ["run", "keeper"])
def test_a_config_that_is_not_there_is_named_in_one_line(command: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    done = subprocess.run(
        [sys.executable, "-m", "edge", command, "--config", missing],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert line.startswith("hearthgate-edge: ")
    assert missing in line


@pytest.mark.parametrize("command", ["run", "keeper"])
def test_a_run_folder_too_deep_for_a_socket_is_named_in_one_line(command: str, tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    path.write_text(CONFIG.replace('run = "run"', f'run = "{"d" * 120}"'))
    done = subprocess.run(
        [sys.executable, "-m", "edge", command, "--config", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert f"device.run: {tmp_path}/{'d' * 120}/keeper.sock has " in line
    assert line.endswith("name a folder with a shorter path")
