"""The agent's end of the line to its keeper, on a real socket: it comes back for as long as the agent lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge.keeper.protocol import Channel, DriveOutput, Frame, KeeperLine, Snapshot, ToAgent, ToKeeper
from tests.edge.support.waiting import until

DRIVE = DriveOutput("east.lock", 6_000)


class Keeper:
    """Whatever listens at the other end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.received: list[ToKeeper] = []
        self.channels: list[Channel[ToKeeper]] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(self._channel, self.path)
        try:
            yield
        finally:
            server.close()
            for channel in self.channels:
                channel.close()
            self.path.unlink(missing_ok=True)  # from Python 3.13 on the server takes it away itself

    def _channel(self) -> Channel[ToKeeper]:
        return Channel[ToKeeper](ToKeeper, self.received.append, lambda: None, self._made)

    def _made(self, channel: Channel[ToKeeper]) -> None:
        self.channels.append(channel)
        channel.send(Snapshot({}, []))


class Agent:
    """What an agent would hear."""

    def __init__(self, path: Path) -> None:
        self.line = KeeperLine(path)
        self.received: list[ToAgent] = []
        self.lost = 0
        self.running = asyncio.create_task(self.line.run(self.received.append, self._lose))

    def _lose(self) -> None:
        self.lost += 1

    async def close(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


def test_words_go_both_ways(tmp_path: Path) -> None:
    async def story() -> None:
        keeper = Keeper(tmp_path / "keeper.sock")
        async with keeper.listening():
            agent = Agent(keeper.path)
            await until(lambda: agent.received)
            agent.line.send(DRIVE)
            keeper.channels[0].send(Frame("east.in", "10", 1.0))
            await until(lambda: keeper.received and len(agent.received) == 2)
            assert keeper.received == [DRIVE]
            assert agent.received == [Snapshot({}, []), Frame("east.in", "10", 1.0)]
            assert agent.lost == 0
            await agent.close()

    asyncio.run(story())


def test_a_line_without_a_keeper_waits_and_drops_what_it_is_given(tmp_path: Path) -> None:
    async def story() -> None:
        keeper = Keeper(tmp_path / "keeper.sock")
        agent = Agent(keeper.path)
        agent.line.send(DRIVE)
        await asyncio.sleep(0)
        async with keeper.listening():
            await until(lambda: agent.received)
            assert keeper.received == []
            assert agent.lost == 0
            await agent.close()

    asyncio.run(story())


def test_a_keeper_that_is_gone_is_told_of_once_and_the_next_one_is_found(tmp_path: Path) -> None:
    async def story() -> None:
        keeper = Keeper(tmp_path / "keeper.sock")
        async with keeper.listening():
            agent = Agent(keeper.path)
            await until(lambda: agent.received)
        await until(lambda: agent.lost)
        agent.line.send(DRIVE)
        again = Keeper(keeper.path)
        async with again.listening():
            await until(lambda: len(agent.received) == 2)
            assert agent.lost == 1
            assert again.received == []
            agent.line.send(DRIVE)
            await until(lambda: again.received)
            await agent.close()

    asyncio.run(story())


def test_an_agent_that_ends_lets_go_of_its_keeper(tmp_path: Path) -> None:
    async def story() -> None:
        keeper = Keeper(tmp_path / "keeper.sock")
        async with keeper.listening():
            agent = Agent(keeper.path)
            await until(lambda: agent.received)
            await agent.close()
            assert agent.lost == 0
            await until(lambda: not keeper.channels[0]._is_up())

    asyncio.run(story())
