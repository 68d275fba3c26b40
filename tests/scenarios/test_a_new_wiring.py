"""An operator changes how doors are wired, from afar: on one of them first, and never while somebody passes."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from cloud.commands.store import find_desired
from cloud.devices.registry import wiring_of
from cloud.fleet.rolling import CannotRollOut, start
from cloud.fleet.rollout_store import find_rollout
from cloud.fleet.rollouts import CANARY_WITHIN_MS, Rollout
from cloud.keys.folder import clock, open_folder
from contract import codec, topics
from contract.decide import Mode
from contract.events import Event, decode_event
from contract.messages import Desired, Reported
from contract.sealing import ConfigKey, Purpose, statement, wiring_hash
from edge.config.wiring import STOPPED
from edge.device.device import Device
from edge.remote.rewiring import STEADY_S, TRIAL_S
from firmware_sim.board.board import Move
from firmware_sim.network.virtual_mqtt import Message
from firmware_sim.parts.door import Door
from firmware_sim.parts.portal import Portal
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.demo.community import DEVICES, SITE
from firmware_sim.worlds.virtual.town import VirtualTown, neighbours
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.small_town import GYM, PATIENCE_S, SmallTown

EAST, WEST, HUB = "east-gate", "west-gate", "hub-door"
STAFF = "Zhou Ba"
REASON = "Longer, for prams"
LOCK, ELSEWHERE = 17, 21


class Gates:
    """Three doors of the estate and their cloud."""

    def __init__(self, folder: Path, *, count: int = 3) -> None:
        self.town = VirtualTown(folder, seed=1, places=DEVICES[1 : 1 + count])
        self.cloud = self.town.cloud
        self.devices = self.town.devices
        self.own = {name: device.config.path.read_text() for name, device in self.devices.items()}

    async def __aenter__(self) -> Self:
        self.town.start()
        await self.until(lambda: all(self.status(name)["roster"]["number"] > 0 for name in self.devices))
        await self.until(lambda: all(device.waiting == 0 for device in self.devices.values()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.town.close()

    def agent(self, name: str) -> Device:
        agent = self.devices[name].agent
        assert agent is not None, "the device is off"
        return agent

    def status(self, name: str) -> dict[str, Any]:
        return self.agent(name).status()

    def door(self, name: str) -> Door:
        portal = self.devices[name].hardware.get(Portal, name)
        assert isinstance(portal, Door)
        return portal

    def with_unlock_ms(self, name: str, unlock_ms: int) -> str:
        return self.own[name].replace("unlock_ms = 5000", f"unlock_ms = {unlock_ms}")

    def unlock_ms(self, name: str) -> int:
        return int(self.agent(name).config.settings[name].unlock_ms)

    def roll_out(self, *names: str, unlock_ms: int = 9_000, canary: str = "") -> str:
        wirings = {name: self.with_unlock_ms(name, unlock_ms) for name in names}
        return self.cloud.roll_out(wirings, "lin", REASON, canary=canary)

    def rollout(self, name: str) -> Rollout:
        with self.cloud.reading() as connection:
            found = find_rollout(connection, name)
        assert found is not None
        return found

    def states(self, rollout: str) -> Mapping[str, str]:
        return {leg.device: leg.state for leg in self.rollout(rollout).legs}

    async def over(self, rollout: str, within_s: float = 300) -> Rollout:
        await self.until(lambda: not self.rollout(rollout).live, within_s, look_s=0.5)
        return self.rollout(rollout)

    def reported(self, name: str) -> Reported:
        """What the cloud last heard of the device's document."""
        with self.cloud.reading() as connection:
            found = find_desired(connection, name)
        return found.reported if found and found.reported else Reported(0, "waiting", 0)

    async def until(self, condition: Callable[[], bool], within_s: float = 120, look_s: float = 0.05) -> None:
        """Let time go on until it holds. Raises ``TimeoutError``."""
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(look_s)

    def tried(self, name: str) -> list[str]:
        """What the device's journal says became of its wirings."""
        events = [decode_event(row.stored) for row in self.town.journal(name)]
        return [event.data["status"] for event in events if event.kind == "device.config"]

    def events(self, name: str, kind: str) -> list[Event]:
        return [event for row in self.town.journal(name) if (event := decode_event(row.stored)).kind == kind]

    async def unlocked_s(self, name: str) -> float:
        """How long a badge unlocks the door, by the board's own log: nobody goes through."""
        moves: list[Move] = self.town.moves[name]
        before = len(moves)
        self.devices[name].hardware.readers[f"{name}.in"].send(self.card(STAFF))
        await asyncio.sleep(15)
        on, off = (move for move in moves[before:] if move.pin == LOCK)
        return (off.at_ns - on.at_ns) / 1e9

    def card(self, who: str) -> str:
        return next(one.card_bits for one in neighbours() if one.name == who)


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
async def test_a_canary_that_cannot_take_the_pins_reverts_by_itself_and_nobody_else_is_touched(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        gates.devices[WEST].board.hold(lambda *_edge: None).claim_input(ELSEWHERE, None)
        wirings = {name: gates.own[name].replace(f"pin = {LOCK}", f"pin = {ELSEWHERE}") for name in (EAST, WEST)}
        rollout = gates.cloud.roll_out(wirings, "lin", REASON, canary=WEST)
        stopped = await gates.over(rollout)
        assert (stopped.state, gates.states(rollout)) == ("stopped", {EAST: "kept", WEST: "reverted"})
        assert "GPIO21 is held by another process" in stopped.why
        assert gates.tried(EAST) == []
        assert gates.agent(WEST).config == gates.devices[WEST].config
        await gates.until(lambda: gates.reported(WEST).status == "applied")  # the former one, which it never left
        assert gates.tried(WEST) == ["waiting", "trying", "reverted", "applied"]
        assert await gates.unlocked_s(WEST) == pytest.approx(5, abs=0.1)


@in_virtual_time
async def test_a_device_that_does_not_find_its_cloud_again_reverts(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        gates.roll_out(EAST)
        await gates.until(lambda: gates.status(EAST)["wiring"]["on_trial"] is True)
        gates.devices[EAST].link.cut()
        await gates.until(lambda: gates.status(EAST)["wiring"]["on_trial"] is False)
        assert gates.unlock_ms(EAST) == 5_000
        (reverted,) = [event for event in gates.events(EAST, "device.config") if event.data["status"] == "reverted"]
        assert reverted.data["why"] == "The cloud was not reached any more."


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
        gates.cloud.steering.set_mode([EAST], Mode.HOLD_OPEN, "lin", REASON)
        await gates.until(lambda: not gates.door(EAST).held)
        rollout = gates.roll_out(EAST)
        await asyncio.sleep(60)
        assert gates.states(rollout) == {EAST: "sent"}
        gates.devices[EAST].hardware.fire_panels["estate"].alarm()
        await asyncio.sleep(5)
        gates.cloud.steering.set_mode([EAST], Mode.SCHEDULED, "lin", REASON)
        await asyncio.sleep(70)
        assert gates.rollout(rollout).legs[0].why == "Waits for the end of the emergency in estate."
        gates.devices[EAST].hardware.fire_panels["estate"].clear()
        await asyncio.sleep(1)
        gates.devices[EAST].hardware.reset_keys["estate"].press()
        assert (await gates.over(rollout)).state == "done"


@in_virtual_time
async def test_a_power_cut_in_the_middle_of_the_trial_brings_the_former_wiring_back(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        rollout = gates.roll_out(EAST, WEST, canary=EAST)
        await gates.until(lambda: gates.status(EAST)["wiring"]["on_trial"] is True)
        gates.devices[EAST].power_off()
        await asyncio.sleep(10)
        gates.devices[EAST].power_on()
        stopped = await gates.over(rollout)
        assert (stopped.state, stopped.why) == ("stopped", f"{EAST}: {STOPPED}")
        assert (gates.unlock_ms(EAST), gates.unlock_ms(WEST)) == (5_000, 5_000)
        await asyncio.sleep(2 * TRIAL_S)
        assert len(gates.events(EAST, "device.started")) == 3  # no endless loop: never tried again
        assert (await gates.over(gates.roll_out(EAST))).state == "done"  # until somebody orders it anew


@pytest.mark.parametrize("victim", ["agent", "keeper"])
def test_a_process_that_dies_in_the_trial_brings_the_former_wiring_back(tmp_path: Path, victim: str) -> None:
    @in_virtual_time
    async def story() -> None:
        async with Gates(tmp_path) as gates:
            device = gates.devices[EAST]
            rollout = gates.roll_out(EAST)
            await gates.until(lambda: gates.status(EAST)["wiring"]["on_trial"] is True)
            await asyncio.sleep(STEADY_S / 2)
            if victim == "agent":
                device.kill_agent()
                await asyncio.sleep(1)
                device.start_agent()
            else:
                device.kill_keeper()
                await asyncio.sleep(1)
                device.start_keeper()
            assert (await gates.over(rollout)).state == "stopped"
            assert gates.unlock_ms(EAST) == 5_000
            await gates.until(lambda: gates.status(EAST)["keeper"] is True)
            assert device._keeper.snapshot().wiring == device.config.hash
            assert await gates.unlocked_s(EAST) == pytest.approx(5, abs=0.1)

    story()


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
async def test_a_canary_that_is_away_ends_its_roll_out_after_an_hour(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        gates.devices[EAST].link.cut()
        rollout = gates.roll_out(EAST, WEST)
        await asyncio.sleep(CANARY_WITHIN_MS / 1000 - 60)
        assert gates.rollout(rollout).live
        stopped = await gates.over(rollout, 120)
        assert (stopped.state, stopped.why) == ("stopped", f"{EAST} has not applied it within 60 minutes")


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
async def test_a_wiring_that_is_not_sound_is_refused_with_its_line(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        with pytest.raises(CannotRollOut, match="east-gate, line 1: this is not TOML"):
            gates.cloud.roll_out({EAST: "wiring = "}, "lin", REASON)
        wrong = gates.own[EAST].replace(f"pin = {LOCK}", "pin = 5")
        stopped = await gates.over(gates.cloud.roll_out({EAST: wrong, WEST: gates.own[WEST]}, "lin", REASON))
        assert stopped.state == "stopped"
        assert stopped.why.startswith(f"{EAST}: the wiring from the cloud:")
        await gates.until(lambda: gates.tried(EAST) == ["refused", "applied"])


@in_virtual_time
async def test_a_device_is_not_turned_into_another_from_afar(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        stopped = await gates.over(gates.cloud.roll_out({EAST: gates.own[WEST]}, "lin", REASON))
        assert "device.name: this is changed at the device itself" in stopped.why
        assert gates.agent(EAST).config.device.name == EAST


def sealed(gates: Gates, device: str, wiring: str, key: ConfigKey, number: int = 50) -> bytes:
    body = codec.write(Desired(device, number, gates.town.now_ms(), {}, wiring, wiring_hash(wiring.encode())))
    return codec.attach(body, key.sign(statement(Purpose.CONFIG, SITE, device, body)))


@in_virtual_time
async def test_a_strangers_document_changes_no_wiring(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        new = gates.with_unlock_ms(EAST, 59_000)
        stranger = ConfigKey.generate()
        ours = gates.cloud._keys.config
        for payload in (sealed(gates, EAST, new, stranger), sealed(gates, WEST, new, ours), new.encode(), b""):
            gates.town.broker.take(Message(topics.down(SITE, EAST, "config"), payload, 1, True))
        await asyncio.sleep(2 * TRIAL_S)
        assert gates.unlock_ms(EAST) == 5_000
        assert set(gates.tried(EAST)) == {"refused"}
        assert len(gates.events(EAST, "device.started")) == 1


@in_virtual_time
async def test_yesterdays_wiring_is_not_brought_back_by_the_broker(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        topic = topics.down(SITE, EAST, "config")
        await gates.over(gates.roll_out(EAST, unlock_ms=9_000))
        yesterdays = gates.town.broker.retained[topic]
        await gates.over(gates.roll_out(EAST, unlock_ms=12_000))
        gates.town.broker.take(Message(topic, yesterdays, 1, True))
        await asyncio.sleep(2 * TRIAL_S)
        assert gates.unlock_ms(EAST) == 12_000


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
async def test_a_fault_of_ours_in_the_trial_brings_the_former_wiring_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Gates(tmp_path) as gates:
        rollout = gates.roll_out(EAST)
        await gates.until(lambda: gates.status(EAST)["wiring"]["on_trial"] is True)
        gates.agent(EAST).agent.failures += 1
        stopped = await gates.over(rollout)
        assert stopped.why == f"{EAST}: A fault inside the device showed up."


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


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["agent", "keeper", "power"])
def test_whenever_something_dies_the_device_ends_with_one_wiring_that_all_agree_on(tmp_path: Path, victim: str) -> None:
    """From the document's arrival through the moment in which the agent starts over to the end of the trial."""

    async def story(at_s: float) -> None:
        async with Gates(tmp_path / f"{at_s}", count=1) as gates:
            device = gates.devices[EAST]
            rollout = gates.roll_out(EAST)
            await asyncio.sleep(at_s)
            ends, begins = {
                "agent": (device.kill_agent, device.start_agent),
                "keeper": (device.kill_keeper, device.start_keeper),
                "power": (device.power_off, device.power_on),
            }[victim]
            ends()
            await asyncio.sleep(1)
            begins()
            over = await gates.over(rollout)
            await asyncio.sleep(TRIAL_S)
            assert gates.unlock_ms(EAST) == (9_000 if over.state == "done" else 5_000)
            assert gates.tried(EAST).count("trying") <= 1
            assert not gates.status(EAST)["wiring"]["on_trial"]
            assert gates.agent(EAST).agent.keeper_up
            assert device._keeper.snapshot().wiring == gates.agent(EAST).config.hash

    for at_s in (0.013, 0.026, 0.039, 0.052, 0.065, 0.1, 0.3, 1.0, 3.0, 5.2, 6.5, 8.0):
        run_virtual(story(at_s))


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
    await town.until(town.gym.ready)
    own = town.gym.config.path.read_text()
    assert "unlock_ms = 5000" in own
    with open_folder(town.cloud_folder) as (store, _):
        rollout = start(store, {GYM: own.replace("unlock_ms = 5000", "unlock_ms = 3000")}, "lin", REASON, clock())

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
