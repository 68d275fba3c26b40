"""The community as processes: what is made for it before anything runs, and that what does not come up says why."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import pytest

from cloud.keys.folder import clock, open_folder
from cloud.pins.store import find_pin_holder
from cloud.sample import HUB_SOCKETS, PEOPLE, POINTS, SOCKETS
from cloud.web.roles import Role
from edge.config.device_config import DeviceConfig
from edge.ocpp.passwords import passwords_in
from firmware_sim.control.commands import card_bits
from firmware_sim.worlds.demo.brokers import free_port
from firmware_sim.worlds.demo.community import (
    DEVICES,
    FULL_MS,
    OURS,
    SITE,
    STAFF_PIN,
    UNKNOWN_CARD,
    Community,
    NotOurs,
    found_cloud,
    give_passwords,
    give_staff_pin,
    posts_of,
    sample_cards,
    state_folder,
    until,
    write_config,
    write_hub_config,
)
from firmware_sim.worlds.demo.processes import Died, Program


def test_a_new_world_gets_an_empty_folder_and_an_old_one_is_made_way_for(tmp_path: Path) -> None:
    with state_folder(tmp_path / "state") as folder:
        (folder / "left-over").touch()
        (folder / "cloud").mkdir()
    with state_folder(tmp_path / "state") as folder:
        assert [left.name for left in folder.iterdir()] == [OURS]


def test_a_folder_with_something_of_others_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(NotOurs, match="holds other files; name an empty folder with --state"), state_folder(tmp_path):
        pass
    assert (tmp_path / "thesis.txt").exists()


def test_a_folder_in_which_a_world_lives_is_never_emptied(tmp_path: Path) -> None:
    with state_folder(tmp_path / "state") as folder:
        (folder / "journal").touch()
        with pytest.raises(NotOurs, match="in use by another demo; end that one"), state_folder(folder):
            pass
        assert (folder / "journal").exists()


def test_a_folder_too_deep_for_a_socket_is_refused_before_anything_runs(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    with (
        pytest.raises(NotOurs, match=r"keeper\.sock has \d+ bytes.*: name a shorter one with --state"),
        state_folder(deep),
    ):
        pass
    assert not deep.exists()


@pytest.fixture
def configs(tmp_path: Path) -> list[DeviceConfig]:
    return [write_config(tmp_path / device[0], *device, 4711) for device in DEVICES]


def test_every_device_is_a_point_of_the_sample_in_its_zone(configs: list[DeviceConfig]) -> None:
    made = [(config.device.name, config.points[0].name, config.points[0].zone) for config in configs]
    assert made == [(name, name, zone) for name, zone, *_ in POINTS]


def test_every_device_has_the_emergency_of_its_own_zone(configs: list[DeviceConfig]) -> None:
    for config in configs:
        assert [emergency.zone for emergency in config.emergencies] == [config.points[0].zone]


def test_every_device_keeps_its_files_beside_its_config_and_knows_its_broker(configs: list[DeviceConfig]) -> None:
    for config in configs:
        assert (config.device.site, config.cloud.broker) == (SITE, "mqtt://127.0.0.1:4711")
        assert {config.state, config.keys, config.run} == {
            config.path.parent / name for name in ("state", "keys", "run")
        }


def test_the_hub_has_what_the_sample_s_cloud_knows_of(tmp_path: Path) -> None:
    config = write_hub_config(tmp_path, 4711)
    assert config.device.name == HUB_SOCKETS
    assert {point.name for point in config.points if point.kind != "bank"} == {name for name, *_ in SOCKETS}
    assert posts_of(config) == ["ev-1", "ev-2"]


def test_every_post_gets_one_password_for_good(tmp_path: Path) -> None:
    """Nobody types it into a simulated post; one that changed at each start would void what a real post was given."""
    config = write_hub_config(tmp_path, 1883)
    found = passwords_in(config.keys)
    assert [found(post) for post in posts_of(config)] == [None, None]
    give_passwords(config)
    made = [found(post) for post in posts_of(config)]
    give_passwords(config)
    assert [found(post) for post in posts_of(config)] == made
    assert None not in made
    assert made[0] != made[1]


def test_the_hub_s_posts_and_meters_are_on_this_machine_and_its_sockets_soon_full(tmp_path: Path) -> None:
    config = write_hub_config(tmp_path, 4711)
    assert config.ocpp is not None
    assert config.ocpp.address[0] == "127.0.0.1"
    assert [bus.device for bus in config.buses] == ["meters"]
    chosen = [point.settings["limits"] for point in config.points if point.kind == "socket"]
    assert chosen == [{"full_ms": FULL_MS}] * 12


def test_every_card_of_the_demo_can_be_read() -> None:
    cards = sample_cards()
    assert cards[-1].card == UNKNOWN_CARD
    assert len({card_bits(card.card) for card in cards}) == len(cards)
    numbers = {number for person in PEOPLE for number in (person.card, person.uid)}
    assert {int(card.card.rpartition(":")[2]) for card in cards[:-1]} <= numbers


def test_staff_of_the_demo_pass_a_lockdown(tmp_path: Path) -> None:
    """The panel says the PIN on their card."""
    found_cloud(tmp_path / "cloud", [], "admin", "a long enough word", Role.ADMIN)
    give_staff_pin(tmp_path / "cloud")
    with open_folder(tmp_path / "cloud") as (store, _), store.reading() as connection:
        staff = connection.exec_driver_sql("SELECT id FROM people WHERE override").scalar_one()
        holder = find_pin_holder(connection, SITE, staff, clock())
    assert holder is not None
    assert (holder.may_override, holder.digits) == (True, len(STAFF_PIN))
    assert [card.holder.en for card in sample_cards() if card.holder and STAFF_PIN in card.holder.en] != []


def test_a_busy_port_is_stepped_over(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        community = Community(tmp_path, port=port, people=False)
    assert community.port != port
    assert community.url == f"http://127.0.0.1:{community.port}"


class Rivals(Community):
    """Its cloud is a program that ends where another one listens on its port, as ours does."""

    def _cloud(self) -> Program:
        listen = f"import socket, time; held = socket.create_server(('127.0.0.1', {self.port})); time.sleep(60)"
        return Program("cloud", [sys.executable, "-c", listen], self.state / "cloud.log")


def test_a_port_that_is_lost_to_another_program_is_stepped_over(tmp_path: Path) -> None:
    async def story() -> None:
        community = Rivals(tmp_path, port=free_port(), people=False)
        lost = community.port
        with socket.create_server(("127.0.0.1", lost)):
            await community.cloud.start()
            await community.cloud.ended()
            await community._come_up()
            assert community.cloud.running
        assert community.port > lost
        await community.stop()

    asyncio.run(story())


def test_a_cloud_that_ends_on_a_free_port_has_another_reason(tmp_path: Path) -> None:
    async def story() -> None:
        community = Community(tmp_path, port=free_port(), people=False)
        community.cloud = Program("the cloud", ["sh", "-c", "echo no disk >&2; exit 1"], tmp_path / "cloud.log")
        await community.cloud.start()
        await community.cloud.ended()
        with pytest.raises(Died, match="the cloud has ended with exit code 1:\nno disk"):
            await community._come_up()

    asyncio.run(story())


def test_whoever_waits_for_a_program_that_died_reads_its_last_words(tmp_path: Path) -> None:
    async def story() -> None:
        program = Program("the gate's keeper", ["sh", "-c", "echo no pins here >&2; exit 2"], tmp_path / "log")
        await program.start()
        await program.ended()
        with pytest.raises(Died, match=r"the gate's keeper has ended with exit code 2:\nno pins here"):
            program.check()

    asyncio.run(story())


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV, signal.SIGRTMIN])
def test_a_killed_program_names_the_signal(sent: signal.Signals, tmp_path: Path) -> None:
    async def story() -> None:
        program = Program("north-gate agent", ["sleep", "600"], tmp_path / "log")
        await program.start()
        program.send(sent)
        await program.ended()
        with pytest.raises(Died, match=f"north-gate agent was ended by {sent.name}"):
            program.check()

    asyncio.run(story())


def test_what_does_not_come_true_in_time_ends_with_the_complaint() -> None:
    async def story() -> None:
        async def never() -> bool:
            return False

        with pytest.raises(Died, match="the door did not close"):
            await until(never, "the door did not close", within_s=0.0)

    asyncio.run(story())
