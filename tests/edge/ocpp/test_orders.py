"""The orders to a post, in virtual time: what is urgent overtakes whatever a post leaves unanswered."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedOK

from edge.ocpp.orders import MAX_ORDERS, MAX_URGENT, OVERTAKE_S, URGENT_ORDERS, OrderQueue
from edge.ocpp.server import POSTS
from edge.stations.ev_post.attribution import Evidence
from edge.stations.ev_post.messages import (
    AskListVersion,
    Configure,
    Done,
    FromPost,
    Listed,
    ListVersion,
    Order,
    SayAgain,
    SetOperative,
    StartRemotely,
    StopRemotely,
    UpdateList,
    Verdict,
    Version,
)
from firmware_sim.time.clock import run_virtual
from tests.edge.support.posts import ANNA

WITHIN_S = 2.0
HOUSEKEEPING: list[Order] = [
    UpdateList("list:1", 1, True, (Listed(ANNA),)),
    AskListVersion(),
    Configure({"meter_s": "30", "ping_s": "20"}),
    SayAgain("status"),
    SayAgain("meter"),
]
URGENT: list[Order] = [
    StopRemotely("stop:1", "301"),
    SetOperative("operative:1", False),
    SetOperative("operative:2", True),
    StartRemotely("start:1", "00aa"),
]
ANSWERS: dict[str, dict[str, Any]] = {
    "GetConfiguration": {"configurationKey": []},
    "GetLocalListVersion": {"listVersion": 0},
}
VERSIONS: tuple[Version, ...] = get_args(Version)


class Line:
    """The far end of a connection: keeps what it was sent and when, and answers what it is told to answer."""

    def __init__(self, version: Version, answers: Callable[[str], bool]) -> None:
        self.calls: list[tuple[float, str, dict[str, Any]]] = []
        self.numbers: list[str] = []
        self.told: list[FromPost] = []
        self.undone: list[Order] = []
        self.closed = False
        self._answers = answers
        self.post = POSTS[version]("post-1", self, self)
        self.orders = OrderQueue(
            "post-1", self.post.obey, self.report, lambda _connector, order: self.undone.append(order)
        )

    async def send(self, message: str) -> None:
        if self.closed:
            raise ConnectionClosedOK(None, None)
        kind, number, action, payload = json.loads(message)
        assert kind == 2
        self.numbers.append(number)
        self.calls.append((asyncio.get_running_loop().time(), action, payload))
        if self._answers(action):
            answer = ANSWERS.get(action, {"status": "Accepted"})
            self._answering = asyncio.create_task(self._answer(json.dumps([3, number, answer])))

    async def _answer(self, frame: str) -> None:
        await asyncio.sleep(0.01)
        await self.post.receive(frame)

    def now_ms(self) -> int:
        return 0

    def report(self, _connector: int | None, message: FromPost) -> None:
        self.told.append(message)

    async def ask(self, _connector: int, question: Callable[[str], FromPost]) -> Verdict:
        raise AssertionError(question)

    async def ask_all(self, question: Callable[[str], FromPost]) -> Verdict:
        raise AssertionError(question)

    async def authorize(self, tag: str) -> Verdict:
        raise AssertionError(tag)

    def find_connector(self, _told: Evidence) -> int | None:
        return None


def report(story: Callable[[Line], Coroutine[Any, Any, None]], version: Version, *answered: str) -> Line:
    """A story with a post that answers these calls and no others."""

    async def told() -> Line:
        line = Line(version, lambda action: action in answered)
        await story(line)
        await line.orders.close()
        return line

    return run_virtual(told())


def sent_as(order: Order, version: Version) -> str:
    """The call that an order becomes."""

    async def story(line: Line) -> None:
        line.orders.put(1, order)
        await asyncio.sleep(0.1)

    return report(story, version).calls[0][1]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("urgent", URGENT, ids=repr)
@pytest.mark.parametrize("unanswered", [*HOUSEKEEPING, *URGENT], ids=lambda order: type(order).__name__)
def test_urgent_order_overtakes_every_unanswered_call(version: Version, unanswered: Order, urgent: Order) -> None:
    """A fire, a card or a limit waits for no answer: whatever kind of call is open, and however many wait behind it."""

    async def story(line: Line) -> None:
        for order in (unanswered, *HOUSEKEEPING):
            line.orders.put(1, order)
        await asyncio.sleep(1.5 * OVERTAKE_S)
        before = len(line.calls)
        put_at_s = asyncio.get_running_loop().time()
        line.orders.put(1, urgent)
        await asyncio.sleep(WITHIN_S)
        at_s, action, _ = line.calls[before]
        assert action == sent
        assert at_s - put_at_s <= OVERTAKE_S < WITHIN_S

    sent = sent_as(urgent, version)
    report(story, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_emergency_orders_keep_their_order(version: Version) -> None:
    """Where a post answers nothing at all, a stop and an *inoperative* for each of eight connectors still go out in
    time, each in its place; the *operative* of the reset is the last."""

    async def story(line: Line) -> None:
        line.orders.put(1, SayAgain("status"))
        await asyncio.sleep(0.1)
        for connector in range(1, 9):
            line.orders.put(connector, StopRemotely("s", str(connector)))
            line.orders.put(connector, SetOperative("o", False))
        await asyncio.sleep(0.5)
        line.orders.put(1, SetOperative("o", True))
        await asyncio.sleep(WITHIN_S)

    calls = report(story, version).calls[1:]
    stop = sent_as(URGENT[0], version)
    assert [action for _, action, _ in calls] == [stop, "ChangeAvailability"] * 8 + ["ChangeAvailability"]
    assert "Inoperative" not in str(calls[-1][2])
    assert all(at_s <= WITHIN_S for at_s, _, _ in calls)


def test_calls_are_open_one_at_a_time() -> None:
    """A post that answers is never asked two things at once, and an urgent order is the next one it hears."""

    orders = (AskListVersion(), SayAgain("status"), URGENT[0], URGENT[1])
    in_turn = ["GetLocalListVersion", "RemoteStopTransaction", "ChangeAvailability", "TriggerMessage"]
    assert [action for _, action, _ in report(story_of(0.9, *orders), "1.6").calls] == in_turn[:1]
    assert [action for _, action, _ in report(story_of(0.9, *orders), "1.6", *in_turn).calls] == in_turn


def story_of(for_s: float, *orders: Order) -> Callable[[Line], Coroutine[Any, Any, None]]:
    async def story(line: Line) -> None:
        for order in orders:
            line.orders.put(1, order)
        await asyncio.sleep(for_s)

    return story


def test_late_answer_of_an_overtaken_call_counts() -> None:
    """Being overtaken takes nothing from a call: a list that was being sent is sent once."""

    async def story(line: Line) -> None:
        line.orders.put(1, HOUSEKEEPING[0])
        await asyncio.sleep(0.1)
        line.orders.put(1, URGENT[0])
        await asyncio.sleep(5)
        await line.post.receive(json.dumps([3, line.numbers[0], {"status": "Accepted"}]))
        await asyncio.sleep(0.1)
        assert Done("list:1", "accepted") in line.told

    report(story, "1.6")


def test_refused_kind_of_call_is_not_supported() -> None:
    """A post without lists says so by an error; the list is then not sent to it again and again."""

    async def story(line: Line) -> None:
        line.orders.put(1, HOUSEKEEPING[0])
        await asyncio.sleep(0.1)

    class Refusing(Line):
        async def send(self, message: str) -> None:
            await self.post.receive(json.dumps([4, json.loads(message)[1], "NotSupported", "", {}]))

    async def told() -> list[FromPost]:
        line = Refusing("1.6", bool)
        await story(line)
        await line.orders.close()
        return line.told

    assert run_virtual(told()) == [Done("list:1", "not_supported")]


def test_queues_of_a_post_are_bounded() -> None:
    """What finds no room is told of as not done; of the urgent ones the oldest, which went out, is awaited no more."""

    async def story(line: Line) -> None:
        for number in range(MAX_ORDERS + 3):
            line.orders.put(1, UpdateList(f"list:{number}", 1, True, ()))
        assert len(line.undone) == 3
        for number in range(MAX_URGENT + 2):
            line.orders.put(1, StopRemotely(f"stop:{number}", str(number)))
            await asyncio.sleep(0.1)
        await asyncio.sleep(WITHIN_S)
        assert line.undone[3:] == [StopRemotely("stop:0", "0"), StopRemotely("stop:1", "1")]

    line = report(story, "1.6")
    assert len([1 for _, action, _ in line.calls if action == "RemoteStopTransaction"]) == MAX_URGENT + 2


ACTIONS: dict[type[Order], str] = {
    StopRemotely: "RemoteStopTransaction",
    SetOperative: "ChangeAvailability",
    StartRemotely: "RemoteStartTransaction",
}
KINDS = st.sampled_from([*HOUSEKEEPING, *URGENT])


@settings(max_examples=30)
@given(
    orders=st.lists(st.tuples(KINDS, st.floats(0, 3)), max_size=12),
    silent=st.sets(st.sampled_from([*ANSWERS, "SendLocalList", "ChangeConfiguration", "TriggerMessage"])),
    deaf=st.booleans(),
)
def test_every_order_ends_and_urgent_ones_in_time(
    orders: list[tuple[Order, float]], silent: set[str], deaf: bool
) -> None:
    """Whatever is put when and whatever is left unanswered: each urgent order goes out in time and in its place, and
    each order with a name ends once, done or not done."""

    async def story(line: Line) -> None:
        for order, pause_s in orders:
            if isinstance(order, URGENT_ORDERS):
                put.append((asyncio.get_running_loop().time(), ACTIONS[type(order)]))
            line.orders.put(1, order)
            await asyncio.sleep(pause_s)
        await asyncio.sleep(WITHIN_S)

    async def told() -> Line:
        line = Line("1.6", lambda action: not deaf and action not in silent)
        await story(line)
        line.closed = True
        await line.orders.close()
        await asyncio.sleep(0)
        return line

    put: list[tuple[float, str]] = []
    line = run_virtual(told())
    urgent = [(at_s, action) for at_s, action, _ in line.calls if action in ACTIONS.values()]
    assert [action for _, action in urgent] == [action for _, action in put]
    assert all(sent_s - put_s < WITHIN_S for (sent_s, _), (put_s, _) in zip(urgent, put, strict=True))
    named = [order.order for order, _ in orders if hasattr(order, "order")]
    ended = [one.order for one in line.told if isinstance(one, Done)]
    ended += [one.order for one in line.undone if hasattr(one, "order")]
    assert sorted(ended) == sorted(named)


SPOILT: list[Any] = [{}, {"status": None}, {"status": 7}, {"more": []}, {"configurationKey": 1}]
SPOILT += [{"configurationKey": [{}]}, {"setVariableResult": []}, {"getVariableResult": [{"attributeValue": "4"}] * 2}]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("answer", [[], "", None, *SPOILT], ids=repr)
def test_spoilt_answer_is_no_fault_of_ours(version: Version, answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Strange(Line):
        async def send(self, message: str) -> None:
            await self.post.receive(json.dumps([3, json.loads(message)[1], answer]))

    async def story() -> None:
        line = Strange(version, bool)
        for order in (*HOUSEKEEPING, *URGENT):
            line.orders.put(1, order)
        await asyncio.sleep(60)
        await line.orders.close()
        assert len(line.told) == len([*HOUSEKEEPING, *URGENT]) - len(UNNAMED)
        assert not [said for said in line.told if said == Done(getattr(said, "order", ""), "accepted")]
        assert line.undone == []

    run_virtual(story())
    assert caplog.records == []


UNNAMED = [order for order in HOUSEKEEPING if isinstance(order, SayAgain)]
"""What is told of by what the post says next, and not as done."""


@pytest.mark.parametrize("order", [HOUSEKEEPING[0], URGENT[0]], ids=["housekeeping", "urgent"])
@pytest.mark.parametrize("fault", [TypeError("ours"), LookupError("ours"), AttributeError("ours"), OSError("ours")])
def test_own_fault_in_an_order_is_logged(
    order: Order, fault: Exception, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not told as a refusal by the post, and what follows is still done."""

    async def story() -> None:
        line = Line("1.6", bool)
        monkeypatch.setattr(line.post, "call_for", failing(fault))
        line.orders.put(1, order)
        await asyncio.sleep(1)
        assert (line.undone, line.told) == ([order], [])
        monkeypatch.undo()
        line.orders.put(1, AskListVersion())
        await asyncio.sleep(1)
        assert line.told == [ListVersion(0)]
        await line.orders.close()

    run_virtual(story())
    (record,) = caplog.records
    assert record.getMessage() == "an order to post post-1 failed"
    assert record.exc_info is not None
    assert record.exc_info[1] is fault


def failing(fault: Exception) -> Callable[[int, Order], object]:
    def call_for(_connector: int, _order: Order) -> object:
        raise fault

    return call_for


def test_own_fault_in_hearing_an_outcome_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The queue of orders outlives it."""

    class Deaf(Line):
        def report(self, _connector: int | None, message: FromPost) -> None:
            super().report(_connector, message)
            raise KeyError(message)

    async def story() -> None:
        line = Deaf("1.6", bool)
        for _ in range(2):
            line.orders.put(1, AskListVersion())
            await asyncio.sleep(1)
        assert len(line.told) == 2
        await line.orders.close()

    run_virtual(story())
    assert [record.getMessage() for record in caplog.records] == ["an order to post post-1 failed"] * 2


@pytest.mark.parametrize("version", VERSIONS)
def test_own_fault_in_answering_is_logged(version: Version, caplog: pytest.LogCaptureFixture) -> None:
    """The library answers the call with an error and would tell nobody else; of the message nothing is logged."""

    class Faulty(Line):
        def report(self, _connector: int | None, message: FromPost) -> None:
            raise KeyError("ours")

        async def send(self, message: str) -> None:
            answers.append(json.loads(message))

    async def story() -> None:
        line = Faulty(version, bool)
        await line.post.receive(json.dumps([2, "1", "Heartbeat", {"idTag": ANNA}]))
        await line.orders.close()
        assert [answer[:3] for answer in answers] == [[4, "1", "InternalError"]]

    answers: list[list[Any]] = []
    run_virtual(story())
    assert [record.getMessage() for record in caplog.records] == ["a call of a post could not be answered"]
    assert ANNA not in caplog.text
