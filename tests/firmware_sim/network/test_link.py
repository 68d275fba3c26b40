"""The network cable: what goes through it, and what both ends see when it is pulled. Real sockets, no sleeps."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from firmware_sim.network.link import Hears, LineFaults, Proxy
from firmware_sim.time.clock import run_real

PATIENCE_S = 20.0

Story = Callable[[Proxy], Coroutine[Any, Any, None]]


async def shouter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The far end: sends back each line in capitals."""
    try:
        while line := await reader.readline():
            writer.write(line.upper())
    except ConnectionError:
        pass
    finally:
        writer.close()


def with_a_cable(
    story: Story,
    *,
    seed: int = 1,
    faults: LineFaults | None = None,
    listen: Callable[[], Hears] = lambda: lambda data: None,
) -> None:
    async def main() -> None:
        far = await asyncio.start_server(shouter, "127.0.0.1", 0)
        proxy = Proxy(far.sockets[0].getsockname()[1], seed=seed, faults=faults, listen=listen)
        await proxy.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await story(proxy)
        finally:
            await proxy.close()
            far.close()
            await far.wait_closed()

    run_real(main())


async def connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: str) -> str:
    writer.write(said.encode() + b"\n")
    return (await reader.readline()).decode().strip()


async def broken(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True


def test_what_is_said_at_one_end_is_heard_at_the_other() -> None:
    async def story(proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        assert await answer(reader, writer, "good morning") == "GOOD MORNING"
        writer.close()

    with_a_cable(story)


def test_a_pulled_cable_breaks_what_is_open_and_refuses_what_is_new() -> None:
    async def story(proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        assert await answer(reader, writer, "hello") == "HELLO"
        await proxy.cut()
        assert not proxy.cable_in
        assert await broken(reader)
        late, late_writer = await connect(proxy)
        assert await broken(late)
        for end in (writer, late_writer):
            end.close()

    with_a_cable(story)


def test_a_cable_put_back_serves_the_same_port() -> None:
    async def story(proxy: Proxy) -> None:
        port = proxy.port
        await proxy.cut()
        await proxy.restore()
        assert proxy.port == port
        reader, writer = await connect(proxy)
        assert await answer(reader, writer, "again") == "AGAIN"
        writer.close()

    with_a_cable(story)


def test_the_end_of_one_end_is_the_end_of_the_other() -> None:
    async def story(proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        assert await answer(reader, writer, "bye") == "BYE"
        writer.close()
        await writer.wait_closed()
        assert await broken(reader)

    with_a_cable(story)


def test_a_cable_to_nowhere_is_a_broken_one() -> None:
    async def story(proxy: Proxy) -> None:
        proxy.target_port = 1  # nothing listens there
        reader, writer = await connect(proxy)
        assert await broken(reader)
        writer.close()

    with_a_cable(story)


def test_a_slow_line_keeps_the_order() -> None:
    async def story(proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        lines = [f"line {number}" for number in range(20)]
        for line in lines:
            writer.write(line.encode() + b"\n")
            await writer.drain()
        assert [(await reader.readline()).decode().strip() for _ in lines] == [line.upper() for line in lines]
        writer.close()

    with_a_cable(story, faults=LineFaults(delay_ms=(0.1, 2.0)))


def test_a_line_gets_better_from_the_next_word_on() -> None:
    stands = asyncio.Event()

    def listen() -> Hears:
        stands.set()
        return lambda data: None

    async def story(proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        await stands.wait()
        proxy.faults = LineFaults()
        assert await answer(reader, writer, "one") == "ONE"
        writer.close()

    with_a_cable(story, faults=LineFaults(delay_ms=(PATIENCE_S * 2000, PATIENCE_S * 2000)), listen=listen)


def test_whoever_listens_hears_what_the_near_end_says_before_the_far_end_does() -> None:
    heard: list[bytes] = []

    async def story(proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        assert await answer(reader, writer, "one") == "ONE"
        other = await connect(proxy)
        assert await answer(*other, "two") == "TWO"
        for end in (writer, other[1]):
            end.close()

    with_a_cable(story, listen=lambda: heard.append)
    assert heard == [b"one\n", b"two\n"]


def test_a_line_that_does_not_last_breaks_by_itself() -> None:
    async def story(proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        assert await broken(reader)
        writer.close()

    with_a_cable(story, faults=LineFaults(lasts_s=0.01))


def test_a_proxy_has_no_port_before_it_is_started() -> None:
    with pytest.raises(RuntimeError, match="not been started"):
        _ = Proxy(1883).port
