"""What keeper and agent say to each other over a Unix socket."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.places import socket_path
from edge.keeper.protocol import (
    MAX_MESSAGE_BYTES,
    MAX_UNSENT_BYTES,
    Changed,
    Channel,
    Drill,
    DriveOutput,
    Frame,
    LatchUnsaved,
    LocalLine,
    NotReloaded,
    NotReset,
    Refused,
    Reload,
    Reset,
    Rested,
    RestOutput,
    Snapshot,
    ToAgent,
    ToKeeper,
    ZoneEmergency,
)
from tests.firmware_sim.support.story import in_virtual_time

TO_KEEPER: list[ToKeeper] = [
    DriveOutput("east.lock", 6_000),
    RestOutput("east.lock"),
    Reload("0123456789abcdef"),
    Reset("estate"),
    Drill("estate", on=True),
]
TO_AGENT: list[ToAgent] = [
    Snapshot({"east.contact": True}, ["estate"]),
    Changed("east.contact", active=False, at_s=12.5),
    Frame("east.in", "10" * 13, 12.5),
    Rested("east.lock", "expired"),
    ZoneEmergency("estate", active=True),
    ZoneEmergency("estate", active=False, cause="drill", by="time"),
    NotReset("estate", "card", ["fire", "estop"]),
    Snapshot({}, ["estate"], causes={"estate": "smoke"}, ended={"gym": "key"}),
    LatchUnsaved(unsaved=True),
    Refused("east.lock", "emergency"),
    Snapshot({}, [], wiring="0123456789abcdef"),
    NotReloaded("0123456789abcdef", "The keeper could not take its pins."),
]


class Transport(asyncio.Transport):
    """A line that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == MAX_UNSENT_BYTES


class End:
    """One end of the line and what it heard."""

    def __init__(self, kind: Any) -> None:
        self.heard: list[object] = []
        self.losses = 0
        self.transport = Transport()
        self.channel: Channel[object] = Channel(kind, self.heard.append, self._lost)
        self.channel.connection_made(self.transport)

    def _lost(self) -> None:
        self.losses += 1


def on_the_wire(*messages: ToKeeper | ToAgent) -> bytes:
    end = End(ToKeeper)
    for message in messages:
        end.channel.send(message)
    return end.transport.written


@pytest.mark.parametrize("message", TO_KEEPER, ids=lambda message: type(message).__name__)
def test_every_word_of_the_agent_reaches_the_keeper(message: ToKeeper) -> None:
    end = End(ToKeeper)
    end.channel.data_received(on_the_wire(message))
    assert end.heard == [message]


@pytest.mark.parametrize("message", TO_AGENT, ids=lambda message: type(message).__name__)
def test_every_word_of_the_keeper_reaches_the_agent(message: ToAgent) -> None:
    end = End(ToAgent)
    end.channel.data_received(on_the_wire(message))
    assert end.heard == [message]


@given(st.lists(st.integers(1, 200), max_size=20))
def test_messages_may_arrive_in_any_pieces(cuts: list[int]) -> None:
    end, stream = End(ToAgent), on_the_wire(*TO_AGENT)
    for cut in [*cuts, len(stream)]:
        end.channel.data_received(stream[:cut])
        stream = stream[cut:]
    assert end.heard == TO_AGENT


def test_half_a_message_is_not_heard() -> None:
    end = End(ToAgent)
    end.channel.data_received(on_the_wire(TO_AGENT[0])[:-1])
    assert (end.heard, end.transport.aborted) == ([], False)


@pytest.mark.parametrize(
    "garbage",
    [
        struct.pack(">I", 0),
        struct.pack(">I", 5) + b"\xc1" * 5,
        struct.pack(">I", MAX_MESSAGE_BYTES + 1),
        b"GET / HTTP/1.1\r\n\r\n",
        on_the_wire(TO_AGENT[1]),
    ],
    ids=["empty", "no msgpack", "over-long", "another protocol", "the other side's word"],
)
def test_what_is_no_message_closes_the_line(garbage: bytes) -> None:
    end = End(ToKeeper)
    end.channel.data_received(garbage)
    assert (end.heard, end.transport.aborted) == ([], True)


def test_nothing_is_heard_after_garbage() -> None:
    end = End(ToKeeper)
    end.channel.data_received(struct.pack(">I", 1) + b"\xc1" + on_the_wire(TO_KEEPER[0]))
    end.channel.data_received(on_the_wire(TO_KEEPER[0]))
    assert end.heard == []


def test_nothing_is_heard_from_a_line_that_was_closed_while_it_spoke() -> None:
    heard: list[object] = []

    def hear(message: object) -> None:
        heard.append(message)
        channel.close()

    channel: Channel[object] = Channel(ToKeeper, hear, lambda: None)
    channel.connection_made(Transport())
    channel.data_received(on_the_wire(*TO_KEEPER))
    assert heard == TO_KEEPER[:1]


@given(st.binary(max_size=300))
def test_any_bytes_are_heard_whole_or_close_the_line(noise: bytes) -> None:
    end = End(ToKeeper)
    end.channel.data_received(noise)
    assert all(isinstance(message, ToKeeper) for message in end.heard)


def test_a_loss_is_told_and_what_is_sent_after_it_goes_nowhere() -> None:
    end = End(ToAgent)
    end.channel.connection_lost(None)
    end.channel.send(TO_KEEPER[0])
    end.channel.close()
    assert (end.losses, end.transport.written, end.transport.aborted) == (1, b"", False)


@in_virtual_time
async def test_in_one_process_each_message_has_a_turn_of_its_own() -> None:
    heard: list[ToKeeper] = []
    line = LocalLine(asyncio.get_running_loop(), heard.append)
    for message in TO_KEEPER:
        line.send(message)
    assert heard == []
    await asyncio.sleep(0)
    assert heard == TO_KEEPER


class Ends:
    """A keeper's and an agent's end of a real socket."""

    def __init__(self) -> None:
        self.at_keeper: list[object] = []
        self.at_agent: list[object] = []
        self.keeper_lost, self.agent_lost, self.heard = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.connected = asyncio.Event()
        self.keeper: Channel[object] = Channel(
            ToKeeper, partial(self._hear, self.at_keeper), self.keeper_lost.set, lambda _channel: self.connected.set()
        )
        self.agent: Channel[object] = Channel(ToAgent, partial(self._hear, self.at_agent), self.agent_lost.set)

    def _hear(self, where: list[object], message: object) -> None:
        where.append(message)
        if len(self.at_keeper) == len(TO_KEEPER) and len(self.at_agent) == len(TO_AGENT):
            self.heard.set()


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[Ends]:
    loop, ends, path = asyncio.get_running_loop(), Ends(), socket_path(folder)
    server = await loop.create_unix_server(lambda: ends.keeper, path)
    try:
        await loop.create_unix_connection(lambda: ends.agent, str(path))
        await ends.connected.wait()
        yield ends
    finally:
        ends.agent.close()
        ends.keeper.close()
        server.close()
        await asyncio.sleep(0)


def test_both_sides_hear_each_other_over_a_real_socket(tmp_path: Path) -> None:
    async def story() -> None:
        async with connected(tmp_path) as ends:
            for order in TO_KEEPER:
                ends.agent.send(order)
            for word in TO_AGENT:
                ends.keeper.send(word)
            await ends.heard.wait()
            assert (ends.at_keeper, ends.at_agent) == (TO_KEEPER, TO_AGENT)

    asyncio.run(story())


def test_the_keeper_notices_an_agent_that_is_gone(tmp_path: Path) -> None:
    async def story() -> None:
        async with connected(tmp_path) as ends:
            ends.agent.close()
            await ends.keeper_lost.wait()

    asyncio.run(story())


def test_an_agent_that_does_not_read_is_dropped(tmp_path: Path) -> None:
    async def story() -> None:
        loop, ends, path = asyncio.get_running_loop(), Ends(), socket_path(tmp_path)
        server = await loop.create_unix_server(lambda: ends.keeper, path)
        _, stuck = await asyncio.open_unix_connection(path)
        stuck.transport.pause_reading()  # type: ignore[attr-defined]
        await ends.connected.wait()
        word = Frame("east.in", "1" * 60_000, 0.0)
        while not ends.keeper_lost.is_set():
            ends.keeper.send(word)
            await asyncio.sleep(0)
        stuck.close()
        server.close()

    asyncio.run(story())


def test_the_longest_frame_and_the_largest_device_fit_into_a_message() -> None:
    inputs = {f"{'p' * 40}.{'i' * 20}{number}": True for number in range(28)}
    assert len(msgspec.msgpack.encode(Snapshot(inputs, ["z" * 40] * 28))) < MAX_MESSAGE_BYTES
