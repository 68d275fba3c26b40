"""A wiring that cannot stay: a device goes back to the former one by itself, and its roll-out stops."""

import asyncio
from pathlib import Path

import pytest

from cloud.fleet.rollouts import CANARY_WITHIN_MS
from cloud.fleet.service import CannotRollOut
from cloud.keys.keys import KeyFolder
from contract import codec, topics
from contract.messages import Desired
from contract.sealing import ConfigKey, Purpose, statement, wiring_hash
from edge.config.wiring import STOPPED
from edge.remote.rewiring import STEADY_S, TRIAL_S
from firmware_sim.network.virtual_mqtt import Message
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.demo.community import SITE
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gates import EAST, ELSEWHERE, LOCK, REASON, WEST, Gates


@in_virtual_time
async def test_a_canary_that_cannot_take_the_pins_reverts_by_itself_and_nobody_else_is_touched(tmp_path: Path) -> None:
    async with Gates(tmp_path) as gates:
        gates.devices[WEST].board.lines(lambda *_edge: None).claim_input(ELSEWHERE, None)
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
            assert device._host.keeper.snapshot().wiring == device.config.hash
            assert await gates.unlocked_s(EAST) == pytest.approx(5, abs=0.1)

    story()


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
        ours = KeyFolder(gates.cloud.folder / "keys").config
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
async def test_a_fault_of_ours_in_the_trial_brings_the_former_wiring_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Gates(tmp_path) as gates:
        rollout = gates.roll_out(EAST)
        await gates.until(lambda: gates.status(EAST)["wiring"]["on_trial"] is True)
        gates.agent(EAST).agent.failures += 1
        stopped = await gates.over(rollout)
        assert stopped.why == f"{EAST}: The device had an internal error."


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
            assert device._host.keeper.snapshot().wiring == gates.agent(EAST).config.hash

    for at_s in (0.013, 0.026, 0.039, 0.052, 0.065, 0.1, 0.3, 1.0, 3.0, 5.2, 6.5, 8.0):
        run_virtual(story(at_s))
