"""An operator changes how doors are wired, from afar: on one of them first, and never while somebody passes."""

import asyncio
import time
from pathlib import Path

import pytest

from cloud.devices.registry import wiring_of
from cloud.fleet.rollouts import Rollout
from cloud.fleet.service import RolloutService
from cloud.fleet.store import find_rollout
from cloud.keys.folder import clock, open_folder
from contract.decide import Mode
from contract.sealing import wiring_hash
from edge.remote.rewiring import TRIAL_S
from firmware_sim.worlds.demo.community import is_ready
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gates import EAST, HUB, REASON, STAFF, WEST, Gates
from tests.scenarios.small_town import GYM, PATIENCE_S, SmallTown


@in_virtual_time
async def test_a_wiring_goes_to_the_canary_first_and_to_all_others_then(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        assert await gates.unlocked_s(WEST) == pytest.approx(5, abs=0.1)
        rollout = gates.roll_out(EAST, WEST, HUB, canary=WEST)
        await gates.until(lambda: gates.status(WEST)["wiring"]["on_trial"] is True)
        assert (gates.unlock_ms(WEST), gates.unlock_ms(EAST)) == (9_000, 5_000)
        assert gates.states(rollout) == {EAST: "unsent", WEST: "sent", HUB: "unsent"}
        done = await gates.over(rollout)
        assert (done.state, gates.states(rollout)) == ("done", {EAST: "applied", WEST: "applied", HUB: "applied"})
        for name in (EAST, WEST, HUB):
            assert gates.unlock_ms(name) == 9_000
            assert gates.status(name)["wiring"]["source"] == "cloud"
            assert gates.tried(name) == ["waiting", "trying", "applied"]
            assert gates.reported(name).wiring_hash == wiring_hash(gates.with_unlock_ms(name, 9_000).encode())
        assert await gates.unlocked_s(WEST) == pytest.approx(9, abs=0.1)
        with gates.cloud.reading() as connection:
            assert wiring_of(connection, WEST) == gates.with_unlock_ms(WEST, 9_000)


@in_virtual_time
async def test_what_is_applied_outlives_the_power_and_is_not_applied_again(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        await gates.over(gates.roll_out(EAST))
        gates.devices[EAST].power_off()
        gates.devices[EAST].power_on()
        await gates.until(lambda: gates.agent(EAST).ports.link.up)
        await asyncio.sleep(TRIAL_S)
        assert gates.unlock_ms(EAST) == 9_000
        assert gates.tried(EAST) == ["waiting", "trying", "applied"]
        assert (await gates.over(gates.roll_out(EAST))).state == "done"
        assert len(gates.events(EAST, "device.started")) == 3


@in_virtual_time
async def test_a_door_that_is_held_open_delays_its_wiring_and_says_which(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        gates.door(EAST).force()
        await asyncio.sleep(1)
        rollout = gates.roll_out(EAST)
        await asyncio.sleep(600)
        assert gates.states(rollout) == {EAST: "sent"}
        assert (
            gates.rollout(rollout)
            .legs[0]
            .why.startswith("Waits until nobody passes and nothing is held open: east-gate")
        )
        assert gates.unlock_ms(EAST) == 5_000
        gates.door(EAST).let_go()
        assert (await gates.over(rollout)).state == "done"
        assert gates.tried(EAST) == ["waiting", "trying", "applied"]


@in_virtual_time
async def test_neither_a_mode_that_holds_open_nor_an_emergency_is_cut_short(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        gates.cloud.desired_state.set_mode([EAST], Mode.HOLD_OPEN, "lin", REASON)
        await gates.until(lambda: not gates.door(EAST).held)
        rollout = gates.roll_out(EAST)
        await asyncio.sleep(60)
        assert gates.states(rollout) == {EAST: "sent"}
        gates.devices[EAST].hardware.fire_panels["estate"].alarm()
        await asyncio.sleep(5)
        gates.cloud.desired_state.set_mode([EAST], Mode.SCHEDULED, "lin", REASON)
        await asyncio.sleep(70)
        assert gates.rollout(rollout).legs[0].why == "Waits for the end of the emergency in estate."
        gates.devices[EAST].hardware.fire_panels["estate"].alarm(False)
        await asyncio.sleep(1)
        gates.devices[EAST].hardware.reset_keys["estate"].press()
        assert (await gates.over(rollout)).state == "done"


@in_virtual_time
async def test_a_roll_out_that_stops_takes_back_what_a_device_that_is_away_has_not_seen(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        gates.devices[HUB].link.cut()
        rollout = gates.roll_out(EAST, HUB, canary=EAST)
        await gates.until(lambda: gates.states(rollout) == {EAST: "applied", HUB: "sent"})
        gates.cloud.stop_rollout(rollout, "lin", "Prams fit as it is")
        stopped = await gates.over(rollout)
        assert (stopped.why, gates.states(rollout)) == ("Prams fit as it is", {EAST: "applied", HUB: "kept"})
        gates.devices[HUB].link.restore()
        await gates.until(lambda: gates.reported(HUB).status == "applied")
        await asyncio.sleep(TRIAL_S)
        assert (gates.unlock_ms(HUB), len(gates.events(HUB, "device.started"))) == (5_000, 1)


@in_virtual_time
async def test_a_cloud_that_is_killed_goes_on_with_its_roll_out(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        rollout = gates.roll_out(EAST, WEST, HUB)
        await gates.until(lambda: gates.states(rollout)[EAST] == "sent")
        gates.cloud.kill()
        await asyncio.sleep(30)
        gates.cloud.start()
        assert (await gates.over(rollout)).state == "done"
        assert [gates.unlock_ms(name) for name in (EAST, WEST, HUB)] == [9_000] * 3


@in_virtual_time
async def test_a_newer_document_takes_the_place_of_one_on_trial(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        rollout = gates.roll_out(EAST)
        await gates.until(lambda: gates.status(EAST)["wiring"]["on_trial"] is True)
        gates.cloud.stop_rollout(rollout, "lin", "Not now")
        await gates.over(rollout)
        await gates.until(lambda: gates.unlock_ms(EAST) == 5_000 and gates.reported(EAST).status == "applied")
        await asyncio.sleep(TRIAL_S)
        assert gates.tried(EAST) == ["waiting", "trying", "reverted", "waiting"]
        assert gates.unlock_ms(EAST) == 5_000


@in_virtual_time
async def test_cards_go_on_working_around_a_change(tmp_path: Path) -> None:
    """Somebody may have to badge once more while the device starts over; nobody is locked out for longer."""
    async with Gates(tmp_path) as gates:
        rollout = gates.roll_out(EAST)
        entered = []
        while gates.rollout(rollout).live:
            entered.append(await gates.town.visit(EAST, STAFF))
            await asyncio.sleep(2)
        entered.append(await gates.town.visit(EAST, STAFF))
        assert entered.count(False) <= 1
        assert entered[-1]
        assert gates.unlock_ms(EAST) == 9_000


@pytest.mark.long(19)
def test_real_processes_start_over_with_a_new_wiring(mosquitto: object, tmp_path: Path) -> None:
    """Keeper, agent, board, broker and cloud, each a process: the board's own log tells how long a card unlocks."""
    with asyncio.Runner() as runner:
        town = SmallTown(tmp_path)
        try:
            runner.run(_a_longer_unlock(town))
        finally:
            runner.run(town.stop())


async def _a_longer_unlock(town: SmallTown) -> None:
    town.start_broker()
    await town.make_device()
    for program in (town.cloud, town.gym.board):
        await program.start()
    await town.gym.control.wait_until_up(PATIENCE_S)
    for program in (town.gym.keeper, town.gym.agent):
        await program.start()
    await town.until(lambda: town.gym.says(is_ready))
    own = town.gym.config.path.read_text()
    assert "unlock_ms = 5000" in own
    with open_folder(town.cloud_folder) as (store, _):
        longer = {GYM: own.replace("unlock_ms = 5000", "unlock_ms = 3000")}
        rollout = RolloutService(store, clock).start(longer, "lin", REASON)

        def found() -> Rollout:
            with store.reading() as connection:
                rolled = find_rollout(connection, rollout.id)
            assert rolled is not None
            return rolled

        async def over() -> bool:
            return not found().live

        await town.until(over)
        done = found()
    assert (done.state, done.why) == ("done", "")
    status = await town.status()
    assert (status["wiring"]["source"], status["wiring"]["on_trial"]) == ("cloud", False)
    assert (town.gym.keeper.running, town.gym.agent.running) == (True, True)
    began_ns = time.monotonic_ns()
    await town.gym.control.tap(f"{GYM}.in", "H10301:21:15890")
    on = await town.gym.control.wait_move(f"{GYM}.unlock", level=True, since_ns=began_ns)
    off = await town.gym.control.wait_move(f"{GYM}.unlock", level=False, since_ns=on.at_ns, timeout_ms=10_000)
    assert 2.9 < (off.at_ns - on.at_ns) / 1e9 < 4.9
