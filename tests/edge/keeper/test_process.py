"""The keeper as a process: one agent at a time on its socket, and pins at rest whatever ends first."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from gpiozero.exc import BadPinFactory

from edge.config.places import socket_path
from edge.config.wiring import Wirings
from edge.keeper.host import KeeperHost
from edge.keeper.pins import is_simulated
from edge.keeper.process import PRIORITY, KeeperProcess, PinsLost, park, run_keeper
from edge.keeper.protocol import Channel, DriveOutput, Reload, Rested, Snapshot, ToAgent, ZoneEmergency
from edge.machine.files import InUse
from firmware_sim.board.board import Board
from firmware_sim.board.pin_factory import SimFactory
from firmware_sim.parts.emergency import FirePanel
from tests.edge.support.rig import GATES, LOCK, PULLS, load
from tests.edge.support.waiting import until
from tests.services import Ear, listening

DRIVE = DriveOutput("east.lock", 60_000)


class Agent:
    """A line to the keeper and what came over it."""

    def __init__(self) -> None:
        self.received: list[ToAgent] = []
        self.gone = False
        self.channel = Channel[ToAgent](ToAgent, self.received.append, self._lost)

    def _lost(self) -> None:
        self.gone = True


class Post:
    """A board in this process, and a keeper that serves it on a real socket."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, *, strict_gpiod: bool = True) -> None:
        self.config = load(folder, GATES.replace('state = "."', 'state = "state"\nrun = "run"'))
        self.board = Board(asyncio.get_running_loop(), seed=1, strict_gpiod=strict_gpiod, pulls=PULLS)
        self.fire = FirePanel(self.board, pin=26)
        patch.setattr("edge.keeper.process.pin_factory", self.board.factory)
        self.path = socket_path(self.config.run)

    @property
    def unlocked(self) -> bool:
        return self.board.pin(LOCK).level

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Ended as systemd ends it."""
        serving = asyncio.create_task(run_keeper(Wirings(self.config)))
        await until(lambda: self.path.exists() or serving.done())
        try:
            yield
        finally:
            if not serving.done():
                os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(serving, 30)

    async def agent(self) -> Agent:
        """A new agent, once it has been told how things stand."""
        agent = Agent()
        await asyncio.get_running_loop().create_unix_connection(lambda: agent.channel, str(self.path))
        await until(lambda: agent.received)
        return agent

    async def drive(self, agent: Agent) -> None:
        agent.channel.send(DRIVE)
        await until(lambda: self.unlocked)


Story = Callable[[Post], Coroutine[Any, Any, None]]


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Story], None]:
    """Tells a story on a post of its own. Nothing of the test may take real-time priority."""

    def told(story: Story) -> None:
        async def main() -> None:
            await story(Post(tmp_path, monkeypatch))

        asyncio.run(main())

    return told


def test_an_agent_is_told_how_things_stand_and_drives_a_lock(tell: Callable[[Story], None]) -> None:
    async def story(post: Post) -> None:
        async with post.kept():
            agent = await post.agent()
            assert isinstance(agent.received[0], Snapshot)
            assert agent.received[0].emergencies == []
            assert post.path.stat().st_mode & 0o777 == 0o600
            await post.drive(agent)

    tell(story)


def test_a_keeper_that_is_told_to_end_leaves_locks_at_rest_and_no_socket(tell: Callable[[Story], None]) -> None:
    async def story(post: Post) -> None:
        async with post.kept():
            agent = await post.agent()
            await post.drive(agent)
        assert not post.unlocked
        assert not post.path.exists()
        await until(lambda: agent.gone)

    tell(story)


def test_the_lock_rests_when_the_agent_goes(tell: Callable[[Story], None]) -> None:
    async def story(post: Post) -> None:
        async with post.kept():
            agent = await post.agent()
            await post.drive(agent)
            agent.channel.close()
            await until(lambda: not post.unlocked)

    tell(story)


def test_a_new_agent_takes_the_place_of_the_old_whose_locks_rest_first(tell: Callable[[Story], None]) -> None:
    async def story(post: Post) -> None:
        async with post.kept():
            old = await post.agent()
            await post.drive(old)
            new = await post.agent()
            assert not post.unlocked
            await until(lambda: old.gone)
            assert not new.gone
            await post.drive(new)

    tell(story)


def test_the_end_of_an_old_agent_leaves_the_new_ones_lock_alone(tell: Callable[[Story], None]) -> None:
    async def story(post: Post) -> None:
        async with post.kept():
            old = await post.agent()
            new = await post.agent()
            await post.drive(new)
            old.channel.close()
            await until(lambda: old.gone)
            assert post.unlocked
            assert [message for message in new.received if isinstance(message, Rested)] == []

    tell(story)


def test_a_fire_frees_the_door_with_no_agent_there_and_the_next_agent_is_told(tell: Callable[[Story], None]) -> None:
    async def story(post: Post) -> None:
        async with post.kept():
            watching = await post.agent()
            watching.channel.close()
            post.fire.alarm()
            await until(lambda: post.unlocked)
            agent = await post.agent()
            assert isinstance(agent.received[0], Snapshot)
            assert agent.received[0].emergencies == ["estate"]
            assert ZoneEmergency("estate", active=True) not in watching.received

    tell(story)


def test_a_second_keeper_is_refused_and_touches_nothing(tell: Callable[[Story], None]) -> None:
    async def story(post: Post) -> None:
        async with post.kept():
            agent = await post.agent()
            await post.drive(agent)
            with pytest.raises(InUse, match=r"keeper\.sock is in use"):
                KeeperProcess(Wirings(post.config), asyncio.get_running_loop())
            assert post.unlocked
            assert not agent.gone

    tell(story)


def test_a_socket_that_a_dead_keeper_left_behind_is_in_nobodys_way(tell: Callable[[Story], None]) -> None:
    async def story(post: Post) -> None:
        post.config.run.mkdir()
        post.path.touch()
        async with post.kept():
            await until(post.path.is_socket)
            await post.agent()

    tell(story)


def test_systemd_is_told_of_a_keeper_once_it_owns_its_pins_and_until_it_lets_go(
    tell: Callable[[Story], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "30000")

    def story(ear: Ear) -> Story:
        async def told(post: Post) -> None:
            async with post.kept():
                assert (await ear.hears(2))[:2] == ["READY=1", "WATCHDOG=1"]
            assert ear.heard()[-1] == "STOPPING=1"

        return told

    with listening(str(tmp_path / "notify")) as ear:
        tell(story(ear))


def test_a_keeper_without_pins_is_never_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

    def none() -> None:
        raise BadPinFactory

    async def story() -> None:
        post = Post(tmp_path, monkeypatch)
        monkeypatch.setattr("edge.keeper.process.pin_factory", none)
        with pytest.raises(BadPinFactory):
            await run_keeper(Wirings(post.config))

    with listening(str(tmp_path / "notify")) as ear:
        asyncio.run(story())
        assert ear.heard() == []


def test_a_keeper_that_lost_its_pins_for_good_ends_and_takes_its_line_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_host: KeeperHost, _config: Any) -> Any:
        raise OSError("GPIO busy")

    async def story() -> None:
        post = Post(tmp_path, monkeypatch)
        with pytest.raises(PinsLost, match=r"^The keeper could not take its former pins again: GPIO busy\.$"):
            async with post.kept():
                agent = await post.agent()
                await post.drive(agent)
                monkeypatch.setattr(KeeperHost, "_keeper", busy)
                agent.channel.send(Reload(post.config.hash))
                await until(lambda: agent.gone)
                await until(lambda: not post.path.exists())
        assert not post.unlocked

    asyncio.run(story())


def test_keeper_has_priority_before_its_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pin library's threads inherit it; a refusal is said, and the keeper goes on."""
    asked: list[tuple[int, int]] = []

    def refused(policy: int, priority: int) -> None:
        asked.append((policy, priority))
        raise PermissionError(1, "Operation not permitted")

    def pins() -> Any:
        assert asked == [(os.SCHED_FIFO, PRIORITY)]
        raise BadPinFactory

    monkeypatch.setattr("edge.keeper.process.schedule", refused)

    async def story() -> None:
        post = Post(tmp_path, monkeypatch)
        monkeypatch.setattr("edge.keeper.process.pin_factory", pins)
        with pytest.raises(BadPinFactory):
            await run_keeper(Wirings(post.config))

    asyncio.run(story())


@pytest.mark.parametrize("simulated", [True, False])
def test_a_keeper_says_whether_its_pins_are_simulated(
    simulated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark that another start left, in a folder that outlived it, is no proof."""

    async def story() -> None:
        monkeypatch.setattr(SimFactory, "simulated", simulated)
        post = Post(tmp_path, monkeypatch)
        post.config.run.mkdir()
        if not simulated:
            (post.config.run / "simulated").touch()
        async with post.kept():
            assert is_simulated(post.config.run) is simulated

    asyncio.run(story())


def test_parking_brings_a_dead_keepers_pins_to_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        post = Post(tmp_path, monkeypatch, strict_gpiod=False)
        dead = post.board.factory()
        dead.pin(LOCK).output_with_state(1)
        dead.die()
        assert post.unlocked
        park(Wirings(post.config))
        assert not post.unlocked

    asyncio.run(story())


def test_parking_brings_the_pins_of_a_wiring_on_trial_to_rest_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        post = Post(tmp_path, monkeypatch, strict_gpiod=False)
        text = post.config.path.read_text().replace(f"pin = {LOCK}", "pin = 21")
        post.config.state.mkdir(exist_ok=True)
        Wirings(post.config).begin(text, 7, 0)
        dead = post.board.factory()
        dead.pin(21).output_with_state(1)
        dead.die()
        assert post.board.pin(21).level
        park(Wirings(post.config))
        assert not post.board.pin(21).level

    asyncio.run(story())
