"""Domains declare what they do about what devices send: ingest runs it in its transaction and knows none by name."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from cloud.charging.tables import sessions
from cloud.commands.store import find_order
from cloud.commands.tables import commands
from cloud.devices.reactions import ChannelReaction, Reaction, Reactions, Recorded
from cloud.reactions import REACTIONS
from contract import codec
from contract.events import encode_event
from contract.messages import Result
from contract.sealing import Purpose, statement
from tests.cloud.support.ingest_world import NOW_MS, World, arrived
from tests.cloud.support.parcels import COUNTS, PARCELS, lockers
from tests.cloud.support.sender import SITE, Sender, event
from tests.house import sources

BELOW_INGEST = {"cloud.ingest", "cloud.devices", "cloud.line", "cloud.store"}
SESSION = "00112233aabbccdd"
COMMAND = "00112233aabbccdd00112233aabbccdd"


def with_parcels(world: World, *others: Reaction) -> None:
    """Let the domain of parcels, and others behind it, react beside the real ones."""
    with world.store.writing() as connection:
        lockers.create(connection)
    events = (*REACTIONS.events, PARCELS, *others)
    world.ingest = world.restarted(reactions=Reactions(events, REACTIONS.rows, (*REACTIONS.channels, COUNTS)))


def in_lockers(world: World) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in world.rows(lockers)]


def sealed(sender: Sender, body: bytes) -> bytes:
    return codec.attach(body, sender.key.sign(statement(Purpose.RESULT, SITE, sender.name, body)))


def keep(sender: Sender, *kinds: str, **data: object) -> None:
    for kind in kinds:
        sender.keep(encode_event(event(len(sender.rows) + 1, kind, **data)))


def test_domain_reads_the_events_it_declares(world: World, gym: Sender) -> None:
    """It folds them in their order, over the batches of one transaction and over transactions."""
    with_parcels(world)
    keep(gym, "parcel.left", "access.refused", "parcel.left", "parcel.taken", "parcel.left")
    world.take(gym, gym.events(1, 2), gym.events(3, 4))
    assert in_lockers(world) == [(gym.name, 1, NOW_MS)]
    world.take(gym, gym.events(4, 5))
    assert in_lockers(world) == [(gym.name, 2, NOW_MS)]
    assert world.stored() == gym.rows


def test_domain_reads_the_channel_it_declares(world: World, gym: Sender) -> None:
    """Ingest has looked at the seal, and puts into quarantine what the domain refuses."""
    with_parcels(world)
    foreign = sealed(Sender(gym.name), b"9")
    world.take(gym, foreign, sealed(gym, b"many"), sealed(gym, b"7"), channel=COUNTS.channel)
    assert in_lockers(world) == [(gym.name, 7, 0)]
    assert world.reasons() == ["bad_seal", "no_number"]


def test_reactions_run_in_the_listed_order(world: World, gym: Sender) -> None:
    ran: list[tuple[str, list[int]]] = []

    def noting(name: str) -> Reaction:
        def note(_connection: Connection, recorded: Sequence[Recorded], _now_ms: int) -> None:
            ran.append((name, [one.event.seq for one in recorded]))

        return Reaction(frozenset({"parcel.left"}), note)

    world.ingest = world.restarted(reactions=Reactions((noting("first"), noting("second"), noting("third"))))
    keep(gym, "parcel.left", "parcel.taken", "parcel.left")
    world.take(gym, gym.events(1, 3))
    assert ran == [("first", [1, 3]), ("second", [1, 3]), ("third", [1, 3])]


def test_failing_reaction_costs_one_message(world: World, gym: Sender, caplog: pytest.LogCaptureFixture) -> None:
    """Of its message nothing stands: no event, no change of another domain, no acknowledgement. All others count."""

    def fail(_connection: Connection, recorded: Sequence[Recorded], _now_ms: int) -> None:
        if any(one.device.name == gym.name for one in recorded):
            raise ZeroDivisionError

    door = world.add(Sender("door-1"))
    with_parcels(world, Reaction(frozenset({"parcel.left"}), fail))
    keep(gym, "session.started", "parcel.left", session=SESSION)
    keep(door, "parcel.left")
    for one in (gym, door):
        world.ingest.enqueue(arrived(one.name, "events", one.events(1, len(one.rows))))
    world.ingest.start()
    world.ingest.stop()
    assert (world.stored(), in_lockers(world)) == (door.rows, [(door.name, 1, NOW_MS)])
    assert world.rows(sessions) == []
    assert ([ack.upto for ack in world.acks()], world.ingest.failures) == ([1], 2)
    assert f"device={gym.name!r}, way='up', channel='events') cannot be taken in" in caplog.text
    world.ingest = world.restarted()
    world.take(gym, gym.events(1, 2))
    assert len(world.stored()) == 3
    assert [row.session for row in world.rows(sessions)] == [SESSION]


def test_reaction_is_undone_with_its_transaction(world: World, gym: Sender) -> None:
    """The ingest dies behind the reactions and before the commit."""
    with_parcels(world)
    keep(gym, "parcel.left")
    with world.store.writing() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full BEFORE UPDATE ON devices BEGIN SELECT RAISE(FAIL, 'full'); END")
    with pytest.raises(Exception, match="full"):
        world.take(gym, gym.events(1, 1))
    assert (world.stored(), in_lockers(world)) == ([], [])


def test_result_outweighs_its_event(world: World, gym: Sender) -> None:
    """The event of a command came in the same transaction as its result: only the result has the lines of the log."""
    values = {"id": COMMAND, "device": gym.name, "point": "", "op": "read_log", "args": {}, "by": "", "reason": ""}
    with world.store.writing() as connection:
        numbers = {"connection": 1, "issued_ms": NOW_MS, "lifetime_ms": 1}
        connection.execute(insert(commands).values(**values, **numbers, state="sent", why=""))
    keep(gym, "command.done", id=COMMAND)
    result = sealed(gym, codec.write(Result(COMMAND, "done", NOW_MS, "", {"lines": ["one"]})))
    messages = arrived(gym.name, "events", gym.events(1, 1)), arrived(gym.name, "result", result)
    world.ingest.commit(messages)
    with world.store.reading() as connection:
        order = find_order(connection, COMMAND)
    assert order is not None
    assert (order.state, order.data) == ("done", {"lines": ["one"]})


def test_ingest_imports_no_domain() -> None:
    names = {
        name for module, found in sources.module_graph().items() if module.startswith("cloud.ingest") for name in found
    }
    assert {".".join(name.split(".")[:2]) for name in names if name.startswith("cloud.")} <= BELOW_INGEST


def test_every_reaction_is_listed_once() -> None:
    """A domain that declares one is easily forgotten in the list."""
    graph = sources.module_graph()
    users = [name for name, found in graph.items() if any(one.startswith("cloud.devices.reactions") for one in found)]
    modules = [import_module(name) for name in users if name.startswith("cloud.")]
    declared = {id(value): value for module in modules for value in vars(module).values()}.values()
    for kind, listed in ((Reaction, REACTIONS.events), (ChannelReaction, REACTIONS.channels)):
        found = [value for value in declared if isinstance(value, kind)]
        assert len(listed) == len({id(one) for one in listed}) == len(found) > 1
        assert {id(one) for one in listed} == {id(one) for one in found}
