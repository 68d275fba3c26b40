"""The table of the console's connections, on a clock of ours."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud.web.connections import (
    MAX_CONNECTIONS,
    MAX_ENDING,
    RESERVED_DESCRIPTORS,
    WAITS_MS,
    Connections,
    most_connections,
)

HERE, STRANGER = "192.0.2.1", "203.0.113.77"


class Hall:
    """A table with room for few; ``gone`` are those that it ended, in order."""

    def __init__(self, most: int = 3) -> None:
        self.now_ms = 0
        self.gone: list[int] = []
        self.table = Connections(most, lambda: self.now_ms)

    def enters(self, key: int, address: str = STRANGER) -> bool:
        return self.table.admit(key, address, lambda: self.gone.append(key))

    def asks(self, key: int) -> None:
        found = self.table.find(key)
        assert found
        self.table.requested(found)

    def is_answered(self, key: int) -> None:
        found = self.table.find(key)
        assert found
        self.table.answered(found)


def test_a_connection_that_sends_nothing_ends() -> None:
    hall = Hall()
    hall.enters(1)
    hall.now_ms = WAITS_MS - 1
    hall.enters(2)
    hall.table.sweep()
    assert hall.gone == []
    hall.now_ms = WAITS_MS
    hall.table.sweep()
    assert hall.gone == [1]


def test_a_connection_that_is_answered_stays() -> None:
    """A live stream lasts for hours; when it is over, the next request is waited for as long as the first."""
    hall = Hall()
    hall.enters(1)
    hall.asks(1)
    hall.now_ms = 100 * WAITS_MS
    hall.table.sweep()
    assert hall.gone == []
    hall.is_answered(1)
    hall.now_ms += WAITS_MS - 1
    hall.is_answered(1)
    hall.table.sweep()
    assert hall.gone == []
    hall.now_ms += 1
    hall.table.sweep()
    assert hall.gone == [1]


def test_a_crowded_table_ends_the_largest_networks_oldest() -> None:
    hall = Hall(4)
    hall.enters(1, HERE)
    for key in (2, 3, 4):
        hall.now_ms += 1
        hall.enters(key)
    assert hall.enters(5, "192.0.2.9")
    assert hall.gone == [2]


def test_streams_alone_turn_the_next_away() -> None:
    hall = Hall(2)
    for key in (1, 2):
        hall.enters(key, HERE)
        hall.asks(key)
    assert not hall.enters(3)
    assert (hall.gone, hall.table.refused) == ([], 1)


def test_nobody_enters_before_the_ended_are_gone() -> None:
    """An ended connection has its descriptor until the loop has closed it: a burst must not take the reserve."""
    hall = Hall(3)
    entered = [key for key in range(1, 30) if not hall.table.is_crowded and hall.enters(key)]
    assert len(entered) == 3 + MAX_ENDING
    hall.table.closed(1)
    assert not hall.table.is_crowded


def test_the_reserve_is_kept_from_every_limit() -> None:
    assert most_connections(64) == 20
    assert most_connections(1024) == 1024 - RESERVED_DESCRIPTORS
    assert most_connections(1 << 20) == MAX_CONNECTIONS
    assert most_connections(10) == 1


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order, the table holds no more than it may, and keeps those being answered."""

    def __init__(self) -> None:
        super().__init__()
        self.hall = Hall(4)
        self.next = 0
        self.streams: set[int] = set()

    @precondition(lambda self: not self.hall.table.is_crowded)
    @rule(address=st.sampled_from([HERE, STRANGER, "2001:db8::1", "2001:db8::2"]))
    def enter(self, address: str) -> None:
        self.next += 1
        self.hall.enters(self.next, address)

    @rule(key=st.integers(1, 30))
    def ask(self, key: int) -> None:
        found = self.hall.table.find(key)
        if found:
            self.hall.table.requested(found)
            self.streams.add(key)

    @rule(key=st.integers(1, 30))
    def close(self, key: int) -> None:
        self.hall.table.closed(key)
        self.streams.discard(key)

    @rule(passed_ms=st.integers(0, 2 * WAITS_MS))
    def wait(self, passed_ms: int) -> None:
        self.hall.now_ms += passed_ms
        self.hall.table.sweep()

    @invariant()
    def never_more_than_it_may(self) -> None:
        assert len(self.hall.table) <= 4 + MAX_ENDING

    @invariant()
    def streams_stay(self) -> None:
        assert not self.streams & set(self.hall.gone)


TestAnyOrder = AnyOrder.TestCase
