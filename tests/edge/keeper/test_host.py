"""The host replaces a keeper by one of another wiring, and restores the former if the new one gets no pins."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edge.config.wiring import Wirings
from edge.keeper.host import KeeperHost
from edge.keeper.protocol import DriveOutput, NotReloaded, Reload, RestOutput, Snapshot, ToAgent, ZoneEmergency
from firmware_sim.board.board import Board
from firmware_sim.parts.emergency import FirePanel
from tests.edge.support.rig import GATES, LOCK, PULLS, load
from tests.firmware_sim.support.story import in_virtual_time

MOVED = 21
ELSEWHERE = GATES.replace(f"pin = {LOCK}", f"pin = {MOVED}")
EAST = "east.lock"


class Post:
    """A keeper's host on a simulated board, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.get_running_loop()
        self.board = Board(self.loop, seed=1, pulls=PULLS)
        self.fire = FirePanel(self.board, pin=26)
        self.wirings = Wirings(load(folder, GATES))
        self.told: list[ToAgent] = []
        self.lost: list[str] = []
        self.host = KeeperHost(self.wirings, self.board.factory(), self.loop, self.told.append, self.lost.append)

    def send(self, text: str) -> str:
        """A wiring as the agent writes it down before its trial."""
        self.wirings.begin(text, 7, 0)
        assert self.wirings.record.trial is not None
        return self.wirings.record.trial.hash

    def level(self, pin: int) -> bool:
        return self.board.pin(pin).level

    def is_output(self, pin: int) -> bool:
        return self.board.pin(pin).output is not None


@in_virtual_time
async def test_a_reload_lets_go_of_the_old_pins_and_takes_the_new_ones_at_rest(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.host.handle(DriveOutput(EAST, 6_000))
    assert post.level(LOCK)
    name = post.send(ELSEWHERE)
    post.host.handle(Reload(name))
    assert (post.level(LOCK), post.is_output(LOCK)) == (False, False)
    assert (post.level(MOVED), post.is_output(MOVED)) == (False, True)
    assert isinstance(post.told[-1], Snapshot)
    assert post.told[-1].wiring == name
    post.host.handle(DriveOutput(EAST, 6_000))
    assert (post.level(LOCK), post.level(MOVED)) == (False, True)


@in_virtual_time
async def test_a_pin_that_somebody_else_holds_leaves_the_former_wiring(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.board.lines(lambda *_edge: None).claim_input(MOVED, None)
    name = post.send(ELSEWHERE)
    post.host.handle(Reload(name))
    refused, found = post.told
    assert isinstance(refused, NotReloaded)
    assert (refused.wiring, "GPIO21 is held by another process" in refused.why) == (name, True)
    assert found == post.host.keeper.snapshot()
    assert found.wiring == post.wirings.local.hash
    post.host.handle(DriveOutput(EAST, 6_000))
    assert post.level(LOCK)


@in_virtual_time
async def test_a_wiring_that_nobody_has_moves_no_pin(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.host.handle(DriveOutput(EAST, 6_000))
    post.host.handle(Reload("0123456789abcdef"))
    assert post.level(LOCK)
    assert isinstance(post.told[0], NotReloaded)
    assert "cannot be read" in post.told[0].why


@in_virtual_time
async def test_the_own_file_is_found_as_somebody_has_edited_it_since(tmp_path: Path) -> None:
    post = Post(tmp_path)
    edited = load(tmp_path, ELSEWHERE)
    post.host.handle(Reload(edited.hash))
    assert (post.is_output(LOCK), post.is_output(MOVED)) == (False, True)


@in_virtual_time
async def test_an_emergency_outlasts_a_reload_without_being_told_twice(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.fire.alarm()
    await asyncio.sleep(1)
    assert post.told == [ZoneEmergency("estate", active=True)]
    post.host.handle(Reload(post.send(ELSEWHERE)))
    assert post.level(MOVED)
    assert isinstance(post.told[-1], Snapshot)
    assert post.told[-1].emergencies == ["estate"]
    assert len(post.told) == 2


@in_virtual_time
async def test_an_edge_on_its_way_to_a_keeper_that_is_gone_moves_nothing(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.board.pin(27).drive(False)
    await asyncio.sleep(0.02)
    post.host.keeper.close()
    await asyncio.sleep(1)
    assert not post.level(LOCK)
    assert post.told == []


@in_virtual_time
async def test_orders_for_pins_go_to_whoever_sits_there(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.host.handle(DriveOutput(EAST, 6_000))
    post.host.handle(RestOutput(EAST))
    assert not post.level(LOCK)
    post.host.handle(DriveOutput(EAST, 6_000))
    post.host.agent_gone()
    assert not post.level(LOCK)


@in_virtual_time
async def test_a_fault_of_ours_in_a_new_keeper_brings_the_former_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(tmp_path)
    whole = KeeperHost._keeper

    def broken(host: KeeperHost, config: Any) -> Any:
        if config.hash != post.wirings.local.hash:
            raise ZeroDivisionError
        return whole(host, config)

    monkeypatch.setattr(KeeperHost, "_keeper", broken)
    post.host.handle(Reload(post.send(ELSEWHERE)))
    assert isinstance(post.told[0], NotReloaded)
    assert post.is_output(LOCK)


@in_virtual_time
async def test_a_keeper_that_gets_not_even_its_former_pins_back_says_so_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(tmp_path)
    name = post.send(ELSEWHERE)

    def busy(_host: KeeperHost, _config: Any) -> Any:
        raise OSError("GPIO busy")

    monkeypatch.setattr(KeeperHost, "_keeper", busy)
    post.host.handle(Reload(name))
    assert post.lost == ["The keeper could not take its former pins again: GPIO busy."]
    assert post.told == []
    assert not post.is_output(LOCK)
