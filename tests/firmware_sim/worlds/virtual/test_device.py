"""What becomes of a device, its door and its rows when its processes die, hang or lose their power."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cloud.store.schema import devices
from contract.events import decode_event
from dev import ROOT
from edge.config.device_config import load
from edge.config.peripherals import Bus
from edge.keeper.protocol import DriveOutput
from firmware_sim.network.virtual_mqtt import VirtualBroker
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.charger import Socket
from firmware_sim.time import process_loop
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.virtual.audit import audit, unlockings
from firmware_sim.worlds.virtual.device import MortalJournal, VirtualDevice
from firmware_sim.worlds.virtual.hub import VirtualHub
from firmware_sim.worlds.virtual.town import OurFault, VirtualTown, neighbours, sites
from tests.firmware_sim.support.memory_disk import memory_disk
from tests.firmware_sim.support.story import in_virtual_time

GYM = "gym-turnstile"
CARDS = {who.name: who.card_bits for who in neighbours()}

Story = Callable[["Gym"], Coroutine[Any, Any, None]]


class Gym:
    """A town of one turnstile."""

    def __init__(self, town: VirtualTown) -> None:
        self.town = town
        self.device: VirtualDevice = town.devices[GYM]

    def badge(self, who: str = "Li Si") -> None:
        self.device.hardware.readers[f"{GYM}.in"].send(CARDS[who])

    def kinds(self) -> list[str]:
        return [decode_event(row.stored).kind for row in self.town.journal(GYM)]

    async def unlocked_s(self, deed: Callable[[], object], mend: Callable[[], object] = lambda: None) -> float:
        """How long the arm is unlocked if this is done while somebody hesitates before it, and mended 2 s later."""
        self.badge()
        await asyncio.sleep(0.531)
        deed()
        await asyncio.sleep(2)
        mend()
        await asyncio.sleep(20)
        (unlocked,) = unlockings(self.device)
        return unlocked.end_s - unlocked.start_s


def in_a_gym(story: Story) -> Callable[[], None]:
    """Run a story in a gym that has its roster. Afterwards nothing may be said against the town."""

    def test() -> None:
        run_virtual(_told(story))

    return test


async def _told(story: Story, **options: Any) -> None:
    with memory_disk() as folder:
        town = VirtualTown(folder, seed=1, places=sites(1), **options)
        town.start()
        await asyncio.sleep(10)
        await story(Gym(town))
        await town.drained()
        await town.close()
        assert audit(town) == []


@in_a_gym
async def test_all_is_well_at_first(gym: Gym) -> None:
    assert await gym.unlocked_s(lambda: None) == pytest.approx(5.0, abs=0.01)
    assert gym.kinds()[-2:] == ["access.allowed", "access.not_entered"]


@in_a_gym
async def test_an_agent_that_is_killed_leaves_the_arm_to_its_keeper(gym: Gym) -> None:
    assert await gym.unlocked_s(gym.device.kill_agent, gym.device.start_agent) == pytest.approx(0.5, abs=0.01)
    assert gym.kinds()[-3:] == ["access.allowed", "device.started", "device.keeper_found"]


@in_a_gym
async def test_an_agent_that_hangs_leaves_the_arm_to_the_lease(gym: Gym) -> None:
    assert await gym.unlocked_s(gym.device.hang_agent) == pytest.approx(6.0, abs=0.01)
    gym.device.kill_agent()
    gym.device.start_agent()


@in_a_gym
async def test_a_keeper_that_is_killed_leaves_the_arm_to_the_pulls(gym: Gym) -> None:
    assert await gym.unlocked_s(gym.device.kill_keeper, gym.device.start_keeper) == pytest.approx(0.5, abs=0.01)
    assert gym.kinds()[-3:] == ["access.allowed", "device.keeper_lost", "device.keeper_found"]


def test_on_a_kernel_that_keeps_pins_driven_the_next_keeper_puts_the_arm_to_rest() -> None:
    async def story(gym: Gym) -> None:
        unlocked_s = await gym.unlocked_s(gym.device.kill_keeper, gym.device.start_keeper)
        assert unlocked_s == pytest.approx(2.5, abs=0.01)

    run_virtual(_told(story, strict_gpiod=False))


@in_a_gym
async def test_a_plug_that_is_pulled_locks_the_arm_and_the_next_boot_says_so(gym: Gym) -> None:
    assert await gym.unlocked_s(gym.device.power_off, gym.device.power_on) == pytest.approx(0.5, abs=0.01)
    told = ["access.allowed", "device.started", "device.power_cut", "device.keeper_found", "device.clock_fixed"]
    assert gym.kinds()[-5:] == told
    assert len(gym.device.booted_s) == 2


@in_a_gym
async def test_who_dies_before_the_row_is_written_has_not_opened(gym: Gym) -> None:
    before = len(gym.kinds())
    assert gym.device.agent is not None
    recorder = gym.device.agent.recorder
    recorder._is_quick = False  # a quick disk has it written within the same moment
    gym.badge()
    await asyncio.sleep(0.0302)
    assert recorder.pending == 1
    gym.device.kill_agent()
    await asyncio.sleep(1)
    assert unlockings(gym.device) == []
    assert len(gym.kinds()) == before
    gym.device.start_agent()


async def plug_pulled(gym: Gym, after_s: float) -> None:
    """Somebody badges, and the power goes for a while."""
    gym.badge()
    await asyncio.sleep(after_s)
    gym.device.power_off()
    await asyncio.sleep(30)
    gym.device.power_on()
    await asyncio.sleep(30)


@in_a_gym
async def test_a_row_that_the_cloud_has_survives_the_power_cut(gym: Gym) -> None:
    await plug_pulled(gym, 2.0)
    assert gym.kinds().count("access.allowed") == 1


def test_a_build_that_takes_a_written_row_for_a_durable_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(gym: Gym) -> None:
        monkeypatch.setattr(MortalJournal, "flush", lambda journal: journal.last_seq)
        await plug_pulled(gym, 2.0)

    with pytest.raises(AssertionError, match="forked"):  # the cloud has seen other rows under these numbers
        run_virtual(_told(story))


def test_a_row_that_was_not_yet_synced_goes_with_the_power_and_nobody_has_heard_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(gym: Gym) -> None:
        monkeypatch.setattr(process_loop, "DISK_MS", (20.0, 20.0))
        await plug_pulled(gym, 0.031 + 0.01)
        assert "access.allowed" not in gym.kinds()
        assert "device.power_cut" in gym.kinds()

    run_virtual(_told(story))


@in_a_gym
async def test_the_next_agent_lets_people_in_and_its_connection_has_a_higher_number(gym: Gym) -> None:
    def connection() -> tuple[int, bool]:
        with gym.town.cloud.reading() as reading:
            number, online = reading.execute(select(devices.c.connection, devices.c.online)).one()
            return number, online

    before, _ = connection()
    gym.device.kill_agent()
    gym.device.start_agent()
    await asyncio.sleep(5)
    assert await gym.town.visit(GYM, "Li Si")
    await asyncio.sleep(5)
    assert connection() == (before + 1, True)


@in_a_gym
async def test_while_the_cloud_is_dead_people_come_in_and_their_rows_wait(gym: Gym) -> None:
    gym.town.cloud.kill()
    assert await gym.town.visit(GYM, "Li Si")
    await asyncio.sleep(3600)
    assert gym.device.waiting == 2
    gym.town.cloud.start()
    await asyncio.sleep(120)
    assert gym.device.waiting == 0


def test_a_fault_of_ours_ends_in_the_open() -> None:
    async def story(gym: Gym) -> None:
        gym.town.loop.call_soon(divmod, 1, 0)

    with pytest.raises(OurFault, match="1 times"):
        run_virtual(_told(story))


def sockets(folder: Path) -> VirtualDevice:
    """A device with two charging sockets and their meters."""
    sample = (ROOT / "config" / "socket.toml").read_text()
    folders = "\n".join(f'{name} = "{name}"' for name in ("state", "keys", "run"))
    (folder / "socket.toml").write_text(sample.replace("[device]", f"[device]\n{folders}"))
    return VirtualDevice(load(folder / "socket.toml"), VirtualBroker(asyncio.get_running_loop(), seed=1), seed=1)


def reading(device: VirtualDevice, point: str) -> dict[str, Any]:
    """What the agent shows of a socket."""
    assert device.agent is not None
    shown = device.agent.status()["points"][point]["live"]
    assert isinstance(shown, dict)
    return shown


def test_the_shipped_agent_reads_the_simulated_meters_and_so_does_the_next_one() -> None:
    async def story() -> None:
        with memory_disk() as folder:
            device = sockets(folder)
            device.start()
            await asyncio.sleep(5)
            device.hardware.get(Socket, "phone-1").overheat(ambient_c=45)
            await asyncio.sleep(3600)
            assert reading(device, "phone-1")["temperature_c"] == pytest.approx(45, abs=1)
            device.kill_agent()
            assert device.hardware.buses["meters"].ports == set()
            device.start_agent()
            await asyncio.sleep(5)
            assert reading(device, "phone-1")["temperature_c"] == pytest.approx(45, abs=1)
            assert reading(device, "ebike-1")["power_w"] == 0
            await device.close()

    run_virtual(story())


def test_a_bus_that_the_config_expects_elsewhere_is_silent() -> None:
    async def story() -> None:
        with memory_disk() as folder:
            device = sockets(folder)
            heard: list[bytes] = []
            for bus in (Bus("meters", "/dev/serial0"), Bus("meters", "/dev/serial1"), Bus("m", "/dev/serial0", 19200)):
                port = device._open_bus(bus)
                port.on_bytes = heard.append
                port.send(bytes.fromhex("01 04 00 00 00 0A 70 0D"))
                await asyncio.sleep(1)
                port.close()
            assert [len(answer) for answer in heard] == [25]
            await device.close()

    run_virtual(story())


@in_virtual_time
async def test_a_device_with_charging_posts_opens_no_socket_in_virtual_time(tmp_path: Path) -> None:
    hub = VirtualHub(tmp_path, "hub")
    await hub.open()
    assert hub.report("ev-1").phase == "absent"
    assert hub.device.agent is not None
    assert "ocpp" not in hub.device.agent.faults()
    hub.device.hardware.smoke_detectors["hub"].put(True)
    await asyncio.sleep(120)
    assert hub.report("ev-1").phase == "emergency"
    await hub.close()


@pytest.mark.parametrize("held", [True, False])
@in_virtual_time
async def test_held_button_opens_the_lock_anew(held: bool, tmp_path: Path) -> None:
    """The keeper puts it to rest with the agent that is killed, and the next agent sees the button. Without a button it
    would have opened for nobody, and the audit says so."""
    town = VirtualTown(tmp_path, seed=1, places=[place for place in sites(2) if place[0] == "east-gate"])
    town.start()
    await asyncio.sleep(60)
    gate = town.devices["east-gate"]
    if held:
        gate.hardware.get(PushButton, "east-gate.exit_button").press(300)
        await asyncio.sleep(0.25)
        gate.restart_agent()
    else:
        gate.send(DriveOutput("east-gate.lock", 500))
    await asyncio.sleep(60)
    await town.drained()
    await town.close()
    assert len(unlockings(gate)) == (2 if held else 1)
    assert [line.partition(" at ")[0] for line in audit(town)] == ([] if held else ["east-gate: unlocked"])
