"""The systemd units: what they start exists, they are told of readiness and life, and they may do no more than they
must."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from dev import ROOT
from edge.device.process import REAL_TIME_PRIORITY
from edge.keeper.process import PRIORITY

UNITS = sorted((ROOT / "config" / "systemd").glob("*.service"))
EXPOSURE = {"hearthgate-keeper": 1.7, "hearthgate-agent": 1.7, "hearthgate-cloud": 1.7}
"""As `systemd-analyze security` counts it: 0 is locked away from everything, 9.2 a unit without any of this."""
HARDENED = {
    "AmbientCapabilities": "",
    "CapabilityBoundingSet": "",
    "DevicePolicy": "closed",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "RemoveIPC": "yes",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}

Settings = dict[str, list[str]]


def settings(text: str) -> Settings:
    found: Settings = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture(params=UNITS, ids=lambda path: path.stem)
def unit(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture
def told(unit: Path) -> Settings:
    return settings(unit.read_text())


def test_there_are_three_units() -> None:
    assert [unit.stem for unit in UNITS] == sorted(EXPOSURE)


def test_systemd_waits_for_readiness_and_watches_for_life(told: Settings) -> None:
    assert told["Type"] == ["notify"]
    assert 0 < int(told["WatchdogSec"][0]) <= 60


def test_a_unit_comes_back_for_ever_and_never_in_a_tight_loop(unit: Path, told: Settings) -> None:
    assert (told["Restart"], told["StartLimitIntervalSec"]) == (["always"], ["0"])
    assert int(told["RestartSec"][0]) >= 1
    before_service = unit.read_text().partition("[Service]")[0]
    assert "StartLimitIntervalSec=0" in before_service  # in [Service] systemd would not know it


def test_a_unit_may_do_no_more_than_it_must(told: Settings) -> None:
    assert {name: told.get(name, [])[-1:] for name in HARDENED} == {name: [value] for name, value in HARDENED.items()}
    assert told["User"][0].startswith("hearthgate")
    assert told["SystemCallFilter"][0] == "@system-service"
    assert {"MemoryMax", "TasksMax", "StateDirectory", "RestrictAddressFamilies"} <= set(told)


def test_only_the_keeper_touches_pins_and_it_touches_nothing_else() -> None:
    by_name = {unit.stem: settings(unit.read_text()) for unit in UNITS}
    keeper = by_name.pop("hearthgate-keeper")
    assert keeper["DeviceAllow"] == ["char-gpiochip rw"]
    assert keeper["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert keeper["LimitRTPRIO"] == [str(PRIORITY)]
    assert any("keeper --park" in line for line in keeper["ExecStopPost"])
    for other in by_name.values():
        assert "DeviceAllow" not in other
        assert other["PrivateDevices"] == ["yes"]


def test_agent_in_real_time_comes_after_the_keeper() -> None:
    """And a thread of it that computes without a pause is stopped, before the machine is."""
    agent = settings((ROOT / "config" / "systemd" / "hearthgate-agent.service").read_text())
    assert agent["LimitRTPRIO"] == [str(REAL_TIME_PRIORITY)]
    assert REAL_TIME_PRIORITY < PRIORITY
    assert agent["LimitRTTIME"] == ["200ms:5s"]
    assert agent["SystemCallFilter"][-1] == "sched_setscheduler"


def test_what_a_unit_starts_is_installed(told: Settings) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for line in told["ExecStart"] + told.get("ExecStopPost", []):
        path, command, *_ = line.split()
        assert path.rpartition("/")[2] in scripts
        assert command in {"run", "keeper", "serve"}


def analyze(capsys: pytest.CaptureFixture[str]) -> str | None:
    found = shutil.which("systemd-analyze")
    if found is None:
        with capsys.disabled():
            print("\nNOT CHECKED: systemd-analyze is not installed, so systemd itself has not read the units")
    return found


def test_systemd_itself_counts_little_exposure(unit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = analyze(capsys)
    if tool is not None:
        threshold = f"--threshold={round(EXPOSURE[unit.stem] * 10)}"
        done = subprocess.run(
            [tool, "security", "--offline=true", "--no-pager", threshold, str(unit)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_systemd_itself_knows_every_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = analyze(capsys)
    if tool is None:
        return
    for unit in UNITS:
        here = re.sub(r"/opt/hearthgate/bin/[\w-]+", shutil.which("true") or "", unit.read_text())
        (tmp_path / unit.name).write_text(here)
    copies = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run([tool, "verify", "--man=no", *copies], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_checks_above_find_a_unit_without_its_armour() -> None:
    plain = settings("[Service]\nType=notify\nNoNewPrivileges=no\n")
    assert {name for name, value in HARDENED.items() if plain.get(name, [None])[-1] != value} == set(HARDENED)
