"""How a device shows itself: at most once a second, sealed, and as it is now."""

import asyncio

from contract import codec, topics
from contract.decide import Trust
from contract.messages import Beat, State
from contract.sealing import DeviceVerifier, Purpose, statement
from edge.link.announcer import EVENT_FIRST_S, Announcer, will
from tests.edge.support.clouds import DEVICE, DEVICE_KEY, SITE, HandLink, Message, channel_over
from tests.firmware_sim.support.story import in_virtual_time


class Shown:
    """An announcer whose link a test holds; ``software`` is what tells one state from another."""

    def __init__(self) -> None:
        self.link = HandLink()
        self.software = "1"
        self.waiting = 0
        self.faults: dict[str, str] = {}
        self.announcer = Announcer(
            channel_over(self.link),
            asyncio.get_running_loop(),
            state=lambda connection: State(True, connection, software=self.software),
            beat=lambda: Beat(0, 0, Trust.SYNCED, 0, self.waiting, 0, 0, self.faults),
        )
        self.link.on_up = self.announcer.went_up
        self.link.on_down = self.announcer.close

    def sent(self, channel: str) -> list[Message]:
        """What was published there since the last look."""
        found = [message for message in self.link.going_up if message.channel == channel]
        self.link.going_up = [message for message in self.link.going_up if message.channel != channel]
        return found

    def states(self) -> list[State]:
        return [self.opened(message) for message in self.sent("state")]

    def opened(self, message: Message) -> State:
        assert (message.topic, message.retain) == (topics.up(SITE, DEVICE, "state"), True)
        body, seal = codec.detach(message.payload)
        assert DeviceVerifier(DEVICE_KEY.public()).accepts(statement(Purpose.STATE, SITE, DEVICE, body), seal)
        return codec.read(body, State)


@in_virtual_time
async def test_a_new_connection_is_told_state_and_health_at_once() -> None:
    shown = Shown()
    shown.link.connect()
    assert shown.states() == [State(True, 1, software="1")]
    assert len(shown.sent("beat")) == 1


@in_virtual_time
async def test_many_changes_in_a_second_are_told_once_and_the_last_one_counts() -> None:
    shown = Shown()
    shown.link.connect()
    shown.states()
    for number in range(50):
        shown.software = str(number)
        shown.announcer.changed()
    assert shown.states() == []
    await asyncio.sleep(1.1)
    assert [state.software for state in shown.states()] == ["49"]
    await asyncio.sleep(10)
    assert shown.states() == []


@in_virtual_time
async def test_a_change_after_a_quiet_second_lets_its_event_go_first_and_is_told_soon() -> None:
    shown = Shown()
    shown.link.connect()
    await asyncio.sleep(2)
    shown.states()
    shown.software = "2"
    shown.announcer.changed()
    assert shown.states() == []
    await asyncio.sleep(EVENT_FIRST_S)
    assert len(shown.states()) == 1


@in_virtual_time
async def test_health_is_told_every_half_minute_while_the_link_is_up() -> None:
    shown = Shown()
    shown.link.connect()
    await asyncio.sleep(301)
    assert len(shown.sent("beat")) == 11
    shown.link.cut()
    await asyncio.sleep(300)
    shown.link.connect()
    assert len(shown.sent("beat")) == 1


@in_virtual_time
async def test_while_rows_wait_health_is_told_every_five_seconds_until_they_are_gone() -> None:
    shown = Shown()
    shown.waiting = 3
    shown.link.connect()
    await asyncio.sleep(11)
    assert len(shown.sent("beat")) == 3
    shown.waiting = 0
    await asyncio.sleep(60)
    assert len(shown.sent("beat")) == 2


@in_virtual_time
async def test_unchanged_state_is_published_after_30_seconds() -> None:
    """Whoever comes every five seconds and is refused each time changes nothing; a broker may have lost the state."""
    shown = Shown()
    shown.link.connect()
    shown.sent("beat")
    for _ in range(11):
        await asyncio.sleep(5)
        shown.announcer.changed()
    await asyncio.sleep(1)
    assert (len(shown.states()), len(shown.sent("beat"))) == (2, 2)


@in_virtual_time
async def test_fault_is_published_without_another_state() -> None:
    shown = Shown()
    shown.link.connect()
    await asyncio.sleep(2)
    shown.states(), shown.sent("beat")
    shown.faults = {"disk_low": "60 MiB"}
    shown.announcer.changed()
    await asyncio.sleep(1)
    assert (shown.states(), len(shown.sent("beat"))) == ([], 1)


@in_virtual_time
async def test_a_change_without_a_link_waits_for_the_next_connection() -> None:
    shown = Shown()
    shown.link.connect()
    shown.link.cut()
    shown.software = "2"
    shown.announcer.changed()
    await asyncio.sleep(10)
    shown.link.connect()
    assert shown.states() == [State(True, 2, software="2")]


@in_virtual_time
async def test_a_goodbye_is_sealed_and_the_last_word() -> None:
    shown = Shown()
    shown.link.connect()
    shown.states()
    shown.announcer.changed()
    shown.announcer.goodbye()
    assert shown.states() == [State(False, 1)]
    shown.announcer.changed()
    await asyncio.sleep(60)
    assert shown.states() == []


def test_the_will_names_its_connection_and_bears_no_seal() -> None:
    assert codec.read(will(7), State) == State(False, 7)
