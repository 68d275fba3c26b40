"""The demo tells its own story; a world in which nothing works fails every step of it and still hears it out."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from firmware_sim.control.control import BoardGone
from firmware_sim.worlds.demo.brokers import free_port
from firmware_sim.worlds.demo.community import DEVICES, HUB, Community
from firmware_sim.worlds.demo.operator import Operator
from firmware_sim.worlds.demo.processes import scripts
from firmware_sim.worlds.demo.steps import Step, StepFailed, check_order
from firmware_sim.worlds.demo.story import Story

WITHIN_S = 600
STEPS = 20


class Nothing:
    """Whoever asks for anything is told that it is not there."""

    def __init__(self) -> None:
        self.devices = {name: self for name, *_ in (*DEVICES, HUB)}
        self.name = "nothing"

    def __getattr__(self, name: str) -> Any:
        raise BoardGone(f"there is no {name}")


def test_where_nothing_works_every_step_fails_with_its_reason_and_the_next_is_told() -> None:
    async def told() -> list[Step]:
        story = Story(cast(Community, Nothing()), cast(Operator, Nothing()))
        return [step async for step in story.tell()]

    steps = asyncio.run(told())
    assert len(steps) == STEPS
    assert not any(step.ok for step in steps)
    assert all(step.detail.startswith("BoardGone: there is no ") for step in steps)


@pytest.mark.parametrize("numbers", [[1, 2, 2], [1, 3, 2]], ids=["doubled", "out of order"])
def test_events_doubled_or_out_of_order_are_noticed(numbers: list[int]) -> None:
    with pytest.raises(StepFailed, match="gate: events doubled or out of order"):
        check_order("gate", [{"seq": number} for number in numbers])


def test_a_gap_in_the_numbers_is_left_to_the_audit() -> None:
    check_order("gate", [{"seq": 1}, {"seq": 4}])


@pytest.mark.long(80)
@pytest.mark.usefixtures("mosquitto")
def test_the_demo_proves_itself_by_processes_that_really_die(tmp_path: Path) -> None:
    command = [scripts("hearthgate-sim"), "demo", "--self-check", "--json"]
    command += ["--state", str(tmp_path / "d"), "--port", str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, last = done.stdout.splitlines()
    summary = json.loads(last)
    assert summary["ok"]
    assert all(step.keys() == {"name", "ok", "ms", "detail"} for step in summary["steps"])
    assert len(lines) == len(summary["steps"]) == STEPS
    assert all(line.startswith("ok ") and line.count(" ms ") >= 1 for line in lines)
