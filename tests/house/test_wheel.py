"""The wheel has everything that the programs in it need: nobody who installs it has a checkout."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dev import ROOT
from tests.house.sources import PACKAGES

ASK = """
import contract, json
from firmware_sim.worlds.demo.samples import SAMPLES
from firmware_sim.worlds.demo.brokers import MOSQUITTO
print(json.dumps([contract.__file__, str(MOSQUITTO), *sorted(map(str, SAMPLES.glob("*.toml")))]))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "here")
    return folder / "here"


def files(folder: Path) -> set[str]:
    kept = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(folder).as_posix() for file in kept}


def test_wheel_holds_every_file_of_the_packages(unpacked: Path) -> None:
    for package in PACKAGES:
        assert files(ROOT / package) - files(unpacked / package) == set()
    assert files(ROOT / "config") == files(unpacked / "firmware_sim" / "config")


def test_wheel_finds_the_samples_in_itself(unpacked: Path, tmp_path: Path) -> None:
    """The demo and chaos read their devices' configuration from the wheel, wherever they are started."""
    environment = {"PYTHONPATH": str(unpacked), "PATH": ""}
    told = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, env=environment, check=True, capture_output=True)
    places = json.loads(told.stdout)
    assert len(places) > 5
    assert all(Path(place).is_relative_to(unpacked) and Path(place).is_file() for place in places)
