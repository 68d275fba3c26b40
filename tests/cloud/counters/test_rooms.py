"""The free places of a zone, divided between devices that may be cut off: they are never given twice."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cloud.counters.rooms import Room, settle

DEVICES = ("east", "north", "west")
names = st.sampled_from(DEVICES)


def lefts(rooms: list[Room]) -> list[int]:
    return [room.left for room in rooms]


def test_free_places_are_divided_evenly() -> None:
    assert lefts(settle(61, [Room("a"), Room("b")])) == [31, 30]
    assert lefts(settle(1, [Room("a"), Room("b", passed_ms=5)])) == [0, 1], "where somebody passed last"
    assert lefts(settle(-3, [Room("a"), Room("b")])) == [0, 0]
    assert settle(10, []) == []


def test_nobody_is_asked_while_all_have_enough() -> None:
    rooms = settle(60, [Room("a"), Room("b")])
    used = [rooms[0].after(14, 1), rooms[1]]
    assert settle(46, used) == used
    again = settle(38, [rooms[0].after(22, 1), rooms[1]])
    assert [(one.left, one.at_most, one.is_asked) for one in again] == [(8, 8, False), (19, 30, True)]


def test_place_is_given_only_when_it_is_back() -> None:
    """The device that has too much is asked; what it keeps back goes to the other when it has agreed."""
    first = settle(60, [Room("a"), Room("b")])
    asked = settle(31, [first[0].after(29, 1), first[1]])
    assert [(one.left, one.at_most) for one in asked] == [(1, 1), (15, 30)]
    agreed = [asked[0], asked[1].agreed(asked[1].division)]
    assert lefts(settle(31, agreed)) == [16, 15]


def test_agreement_to_an_older_division_says_nothing() -> None:
    room = Room("a", allowance=4, promised=9, division=3)
    assert [room.agreed(number).promised for number in (2, 3, 4)] == [9, 4, 9]


class Partitions(RuleBasedStateMachine):
    """Devices that hear news late or never, lose their newest one with their power, and admit as long as they may. The
    zone never holds more than its limit, whoever is cut off for how long."""

    @initialize(limit=st.integers(0, 40))
    def begin(self, limit: int) -> None:
        self.limit = limit
        self.rooms = {name: Room(name) for name in DEVICES}
        self.inside_known = 0
        self.net: Counter[str] = Counter()
        """What truly happened at each device."""
        self.sent: dict[str, list[Room]] = {name: [] for name in DEVICES}
        self.goes_by: dict[str, Room] = {name: Room(name) for name in DEVICES}
        self.written = dict(self.goes_by)
        self.settle()

    def settle(self) -> None:
        free = self.limit - self.inside_known
        self.rooms = {room.device: room for room in settle(free, list(self.rooms.values()))}
        for name, room in self.rooms.items():
            self.sent[name].append(room)

    @rule(name=names, many=st.integers(1, 12))
    def enter(self, name: str, many: int) -> None:
        for _ in range(many):
            if self.net[name] < self.goes_by[name].allowance:
                self.net[name] += 1

    @precondition(lambda self: sum(self.net.values()) > 0)
    @rule(name=names)
    def leave(self, name: str) -> None:
        """By any way out, whichever they came in by."""
        self.net[name] -= 1

    @rule(name=names)
    def tell_passages(self, name: str) -> None:
        moved = self.net[name] - self.rooms[name].net
        self.inside_known += moved
        self.rooms[name] = self.rooms[name].after(moved, sum(map(len, self.sent.values())))
        self.settle()

    @rule(name=names, data=st.data())
    def hear_news(self, name: str, data: st.DataObject) -> None:
        """Any news that was sent and is newer than the one it goes by; those in between are lost."""
        heard = data.draw(st.sampled_from(self.sent[name]))
        if heard.division > self.goes_by[name].division:
            self.goes_by[name] = heard

    @rule(name=names)
    def agree(self, name: str) -> None:
        """It is written down, and said."""
        self.written[name] = self.goes_by[name]
        self.rooms[name] = self.rooms[name].agreed(self.written[name].division)
        self.settle()

    @rule(name=names)
    def lose_power(self, name: str) -> None:
        self.goes_by[name] = self.written[name]

    @invariant()
    def never_above_the_limit(self) -> None:
        assert sum(self.net.values()) <= self.limit

    @invariant()
    def promises_are_kept(self) -> None:
        for name, room in self.rooms.items():
            assert self.goes_by[name].allowance <= room.promised
        assert sum(room.at_most for room in self.rooms.values()) <= max(0, self.limit - self.inside_known)


TestPartitions = Partitions.TestCase
TestPartitions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
