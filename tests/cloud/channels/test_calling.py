"""A guard's night in virtual time: what is sent to whom, and when."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cloud.cases.rule import Action, Case, Grade, Team
from cloud.cases.service import CaseService
from cloud.cases.store import put_cases
from cloud.channels.calling import Caller
from cloud.channels.rule import GIVEN_UP_AFTER_MS, LAST_RETRY_MS, MAX_WAITING, NAMED
from cloud.channels.sending import Sender
from cloud.channels.service import ChannelService
from cloud.channels.store import count_waiting, list_channels
from cloud.duties.rule import Duty
from cloud.duties.service import DutyService
from contract.decide import Trust
from contract.events import Event, encode_event
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town

EAST = "east-gate"
MINUTE_MS = 60_000


class Night:
    """The town's cloud at night: a second is a look of the caller and one of the sender. ``taken`` is what receivers
    took, ``answers`` is what they answer instead, by their host."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.channels = ChannelService(town.store, town.keys, town.clock)
        self.caller = Caller(town.store, town.keys, town.clock)
        self.sender = Sender(town.store, town.keys, town.clock, self._post)
        self.taken: list[tuple[int, str, dict[str, Any]]] = []
        self.answers: dict[str, str] = {}
        self.tries = 0

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> str:
        self.tries += 1
        host = url.removeprefix("https://")
        if trouble := self.answers.get(host):
            return trouble
        assert headers["webhook-signature"].startswith("v1,")
        self.taken.append((self.town.now_ms - START_MS, host, msgspec.json.decode(body)))
        return ""

    def lasts(self, seconds: int, step_s: int = 1) -> None:
        for _ in range(0, seconds, step_s):
            self.caller.look()
            self.sender.look()
            self.town.now_ms += step_s * 1_000

    def heard(self) -> list[tuple[int, str]]:
        return [(at_ms // 1_000, host) for at_ms, host, _ in self.taken]


START_MS = 0


def a_night(town: Town) -> Night:
    """12 past 3, with two on duty and a channel of each."""
    global START_MS
    town.now_ms += (11 * 60 + 12) * MINUTE_MS
    START_MS = town.now_ms
    night = Night(town)
    DutyService(town.store, town.clock).put_duty("admin", Duty("night", ("gate", "office")))
    night.channels.add("admin", "guard", "https://guard", "gate")
    night.channels.add("admin", "office", "https://office", "office")
    return night


def test_forced_gate_calls_one_after_the_other(town: Town) -> None:
    night = a_night(town)
    town.happens("door.forced", device=EAST)
    night.lasts(125)
    assert night.heard() == [(0, "guard"), (120, "office")]
    message = night.taken[0][2]
    assert (message["en"], message["zh"]) == ("East gate: Forced open", "东门 被强行打开")
    CaseService(town.store, town.clock).act("office", 1, Action.ACCEPT)
    night.lasts(600, 10)
    assert len(night.taken) == 2


def test_smoke_calls_everybody_at_once_and_again(town: Town) -> None:
    night = a_night(town)
    town.happens("emergency.began", device="gym-turnstile", point="", zone="gym", cause="smoke")
    night.lasts(61)
    assert sorted(night.heard()) == [(0, "guard"), (0, "office"), (60, "guard"), (60, "office")]


def test_storm_of_alarms_is_one_digest(town: Town) -> None:
    """Ten thousand alarms of forty faults: one message, and every case is told of in it."""
    night = a_night(town)
    sender = town.senders[EAST]
    for seq in range(1, 10_001):
        fault = {"fault": f"part-{seq % 40}"}
        sender.keep(encode_event(Event(seq, town.now_ms, seq, "b7", Trust.SYNCED, "", "device.fault", fault)))
    for first in range(1, 10_001, 100):
        town.sends(EAST, first, first + 99)
    night.lasts(30)
    (told,) = night.taken
    assert told[2]["count"] == 40
    with town.store.reading() as connection:
        counted = connection.exec_driver_sql("SELECT count(*), sum(count) FROM cases").one()
    assert tuple(counted) == (40, 10_000)


def test_storm_of_cases_is_one_digest(town: Town) -> None:
    """Ten thousand different cases at once: one message of a bounded length counts them all, and none is lost."""
    night = a_night(town)
    opened = [
        Case(
            *(f"{EAST}/{number}/fault/", "fault", Grade.SECURITY, Team.REPAIRS, EAST, f"point-{number}", "", "", ""),
            late=False,
            count=1,
            reported_ms=town.now_ms,
            noted_ms=town.now_ms,
            last_ms=town.now_ms,
        )
        for number in range(10_000)
    ]
    with town.store.writing() as connection:
        put_cases(connection, SITE, opened)
    night.lasts(30)
    (told,) = night.taken
    assert told[2]["count"] == 10_000 and len(told[2]["cases"]) == NAMED
    with town.store.reading() as connection:
        called = connection.exec_driver_sql("SELECT count(*) FROM cases WHERE rings = 1").scalar_one()
    assert called == 10_000
    with town.visit("gate") as guard:
        page = guard.get("/cases").text
        assert "and 9800 more" in page and len(page) < 400_000


def test_replayed_alarm_rings_no_bell(town: Town) -> None:
    night = a_night(town)
    town.happens("door.forced", device=EAST, replay=True)
    night.lasts(600, 10)
    assert night.taken == []


def test_receiver_in_trouble_for_a_day_is_bounded(town: Town) -> None:
    """It answers 500 for more than a day: few tries, what waits is bounded, the page says so; what is a day old goes,
    and it is counted. Then it takes what still waits."""
    night = a_night(town)
    night.answers["guard"] = night.answers["office"] = "HTTP 500"
    town.happens("emergency.began", device="gym-turnstile", point="", zone="gym", cause="fire")
    night.lasts((GIVEN_UP_AFTER_MS + 60 * MINUTE_MS) // 1_000, 300)
    assert night.tries < 2 * 120
    with town.store.reading() as connection:
        waiting = count_waiting(connection, SITE)
        guard = list_channels(connection, SITE, town.keys.numbers)[0]
    assert set(waiting.values()) == {MAX_WAITING}
    assert (guard.trouble, guard.failing_ms) == ("HTTP 500", START_MS)
    assert guard.lost > 0
    night.answers.clear()
    town.now_ms += LAST_RETRY_MS
    night.lasts(120)
    assert len(night.taken) >= MAX_WAITING


def test_channel_hears_only_what_is_bad_enough(town: Town) -> None:
    night = a_night(town)
    night.channels.add("admin", "siren", "https://siren", grade=Grade.LIFE_SAFETY)
    town.happens("door.forced", device=EAST)
    night.lasts(3)
    town.happens("emergency.began", device="gym-turnstile", point="", zone="gym", cause="fire")
    night.lasts(3)
    assert sorted(night.heard()) == [(0, "guard"), (3, "guard"), (3, "office"), (3, "siren")]
