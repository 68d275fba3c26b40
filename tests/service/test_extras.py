"""A program without the packages of its extra says in one line what to install."""

import subprocess
import sys

import pytest

from dev import ROOT
from service.extras import needs

WEB = "alembic argon2 fastapi jinja2 prometheus_client pydantic python_multipart sqlalchemy starlette uvicorn"
CHARGING = "ocpp pymodbus websockets"
TOOLS = "babel hatchling hypothesis mypy playwright pytest yaml"
SIMULATED = "httpx iotcore"
WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
sys.argv = {argv}
"""


def ends(program: str, argv: list[str], packages: str) -> tuple[int, str]:
    code = WITHOUT.format(packages=packages.split(), argv=["x", *argv]) + f"from {program}.__main__ import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("program", "packages", "said"),
    [
        ("cloud", "sqlalchemy", "hearthgate-cloud: sqlalchemy is not installed: pip install 'hearthgate[cloud]'\n"),
        (
            "edge",
            "gpiozero",
            "hearthgate-edge: gpiozero is not installed: pip install 'hearthgate[edge]'\n",
        ),
        ("firmware_sim", "httpx", "hearthgate-sim: httpx is not installed: pip install 'hearthgate[sim]'\n"),
    ],
)
def test_a_program_without_its_extra_says_which(program: str, packages: str, said: str) -> None:
    assert ends(program, ["demo"], packages) == (2, said)


def test_a_door_needs_no_web_framework() -> None:
    unneeded = f"{WEB} {CHARGING} {TOOLS} {SIMULATED}"
    assert ends("edge", ["--help"], unneeded)[0] == 0
    assert ends("edge", ["run", "--config", "config/nothing.toml"], unneeded)[1].startswith("hearthgate-edge: config/")


def test_a_cloud_needs_no_tools_and_no_pins() -> None:
    assert ends("cloud", ["--help"], f"{TOOLS} {SIMULATED} {CHARGING} gpiozero sqlite_utils")[0] == 0


def test_a_device_with_meters_is_told_of_charging(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, needs("hearthgate-edge", "edge"):
        raise ModuleNotFoundError("No module named 'pymodbus'", name="pymodbus.framer")
    assert ended.value.code == 2
    assert "pip install 'hearthgate[charging]'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["cloud.no_such_module", "json.nothing"])
def test_a_fault_of_ours_shows_itself(name: str) -> None:
    with pytest.raises(ModuleNotFoundError), needs("hearthgate-cloud", "cloud"):
        raise ModuleNotFoundError(name=name)
