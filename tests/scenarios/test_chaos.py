"""Real processes, killed and cut off at random: nothing is lost, and a cloud that promises too early is found out."""

import asyncio
import sys
from pathlib import Path

import pytest

from firmware_sim.worlds.chaos.audit import Verdict
from firmware_sim.worlds.chaos.plan import Plan, What, make_plan
from firmware_sim.worlds.chaos.run import chaos
from firmware_sim.worlds.chaos.town import cards, places

SEED, SHORT_SEED = 28, 38_103
"""Their plans kill each kind of process, and cut a cable, in time for something to come of it."""
HASTY = Path(__file__).with_name("hasty_cloud.py")


@pytest.fixture(autouse=True)
def with_mosquitto(mosquitto: Path) -> None:
    """Another broker would drop nothing."""


def lived_through(folder: Path, plan: Plan, *cloud: str) -> Verdict:
    return asyncio.run(chaos(folder, plan, cloud=cloud))


def plan(*among: What, minutes: float, devices: int, seed: int) -> Plan:
    return make_plan(seed, minutes, [name for name, *_ in places(devices)], len(cards()), among)


@pytest.mark.long(25)
def test_quarter_minute_of_chaos_loses_nothing(tmp_path: Path) -> None:
    loses_nothing(tmp_path, plan(minutes=0.25, devices=2, seed=SHORT_SEED), badges=6, moves=3)


@pytest.mark.slow
def test_half_a_minute_of_chaos_loses_nothing(tmp_path: Path) -> None:
    loses_nothing(tmp_path, plan(minutes=0.5, devices=2, seed=SEED), badges=20, moves=5)


def loses_nothing(folder: Path, plan: Plan, *, badges: int, moves: int) -> None:
    """Live through it; more than so many badges and moves of a lock must come of it."""
    verdict = lived_through(folder, plan)
    assert verdict.complaints == []
    assert verdict.ok
    assert verdict.kills >= 3
    assert verdict.cuts >= 1
    assert verdict.at_acks >= 1
    assert verdict.events > verdict.badges > badges
    assert verdict.redecided > badges
    assert (verdict.decided_otherwise, verdict.undecided) == (0, 0)
    assert verdict.moves > moves
    assert verdict.commands >= verdict.commands_done >= 1


@pytest.mark.long(17)
def test_a_cloud_that_acknowledges_before_it_commits_is_caught(tmp_path: Path) -> None:
    only_this = plan("kill cloud at an ack", minutes=0.1, devices=1, seed=3)
    verdict = lived_through(tmp_path, only_this, sys.executable, str(HASTY))
    assert verdict.at_acks >= 1
    assert verdict.lost >= 1
    assert not verdict.ok
    assert verdict.complaints == [f"gate-1: {verdict.lost} rows were acknowledged before they were stored"]


@pytest.mark.slow
def test_five_minutes_are_decided_the_same_again(tmp_path: Path) -> None:
    verdict = lived_through(tmp_path, plan(minutes=5.0, devices=8, seed=2026))
    assert verdict.complaints == []
    assert verdict.ok
    assert verdict.redecided > 1_000
    assert (verdict.decided_otherwise, verdict.undecided) == (0, 0)
    assert set(verdict.killed) == {"broker", "cloud", "keeper", "agent"}
