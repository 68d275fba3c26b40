"""The command around a run of chaos: what it prints, what it keeps, and how it ends."""

import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from firmware_sim.worlds.chaos import run as chaos
from firmware_sim.worlds.chaos.audit import Verdict
from firmware_sim.worlds.chaos.plan import Plan
from firmware_sim.worlds.demo.processes import Died

ASKED = [
    "lost",
    "doubled",
    "resent_percent",
    "commands_twice",
    "unrecorded_moves",
    "kills",
    "cuts",
    "events",
    "drain_s",
]

Run = Callable[..., Awaitable[Verdict]]


def ending(*, lost: int = 0, complaints: tuple[str, ...] = ()) -> Run:
    async def run(folder: Path, plan: Plan, **_: object) -> Verdict:
        (folder / "journal").touch()
        return Verdict(lost=lost, seed=plan.seed, plan=plan.fingerprint, ok=not lost, complaints=list(complaints))

    return run


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folders of the runs are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, act: Run, *, as_json: bool = False) -> int:
    monkeypatch.setattr(chaos, "chaos", act)
    return chaos.run_chaos(minutes=0.1, devices=2, seed=7, as_json=as_json)


def test_a_run_against_which_nothing_is_said_ends_well_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    assert run(monkeypatch, ending()) == 0
    said = capsys.readouterr().out
    assert "of seed 7" in said
    assert "nothing can be said against it" in said
    assert list(temporary.iterdir()) == []


def test_a_run_that_lost_something_says_so_and_keeps_everything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    assert run(monkeypatch, ending(lost=3, complaints=("gate-1: 3 rows are not in the cloud",))) == 1
    said = capsys.readouterr().out
    (kept,) = temporary.iterdir()
    assert (kept / "journal").exists()
    assert "gate-1: 3 rows are not in the cloud" in said
    assert str(kept) in said.replace("\n", "")


def test_the_last_line_of_json_holds_the_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, ending(lost=3), as_json=True) == 1
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert list(told)[: len(ASKED)] == ASKED
    assert (told["lost"], told["ok"], told["seed"]) == (3, False, 7)
    assert "complaints" not in told


def test_a_town_that_does_not_come_up_is_one_line_and_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    async def fails(folder: Path, _plan: Plan, **_: object) -> Verdict:
        raise Died("gate-1 did not come up")

    assert run(monkeypatch, fails) == 2
    assert capsys.readouterr().err == "hearthgate-sim: gate-1 did not come up\n"
    assert len(list(temporary.iterdir())) == 1


def test_whoever_interrupts_a_run_is_left_with_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    async def interrupted(folder: Path, _plan: Plan, **_: object) -> Verdict:
        raise KeyboardInterrupt

    assert run(monkeypatch, interrupted) == 130
    assert "before anything could be judged" in capsys.readouterr().err
    assert list(temporary.iterdir()) == []
