"""Real processes treated badly: started in the wrong order, started twice, fed rubbish."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.publish import multiple

from contract import topics
from firmware_sim.worlds.demo.brokers import free_port
from firmware_sim.worlds.demo.community import SITE, is_ready
from firmware_sim.worlds.demo.processes import Program, scripts
from tests.cloud.support.town import Visitor
from tests.scenarios.small_town import GYM, PATIENCE_S, SmallTown, refused

pytestmark = pytest.mark.long(4)

MEMBER = "H10301:21:15890"
RUBBISH = [b"", b"rubbish", b"\x00" * 100, b"\xff" * 70_000, b'{"journal": 1}', b"[" * 5_000, b"\x93\x01\x02"]
UP, DOWN = ("events", "state", "beat", "want"), topics.DOWN_CHANNELS
TEN_MEGABYTES = bytes(10 * 1024 * 1024)
GROWS_BY_KB = 30 * 1024
"""A process that held one such message would grow by 20 MiB at least for its copies, and 13 of them are sent twice."""


class Stage:
    """A town and the loop it lives on. ``seen`` is what its agent said while the others were still missing."""

    def __init__(self, runner: asyncio.Runner, town: SmallTown) -> None:
        self._runner, self.town = runner, town
        self.seen: dict[str, dict[str, Any]] = {}

    def play(self, act: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(act)

    async def start_backwards(self) -> None:
        """The agent first, then what it needs, the furthest last."""
        town = self.town
        await town.make_device()
        await town.gym.agent.start()
        await town.until(lambda: self._notes("alone", lambda status: True))
        await town.gym.board.start()
        await town.gym.control.wait_until_up(PATIENCE_S)
        await town.gym.keeper.start()
        await town.until(lambda: self._notes("with its keeper", lambda status: status["keeper"]))
        await town.gym.control.tap(f"{GYM}.in", MEMBER)
        await town.until(lambda: self._notes("without a roster", lambda status: status["points"][GYM]["shown"]))
        town.start_broker()
        await town.until(lambda: self._notes("with a broker", lambda status: status["link"]["up"]))
        await town.cloud.start()
        await town.until(lambda: town.gym.says(is_ready))
        await town.operator.open()

    async def _notes(self, name: str, wanted: Any) -> bool:
        self.seen[name] = await self.town.status()
        return bool(self.seen[name]) and bool(wanted(self.seen[name]))


@pytest.fixture(scope="module")
def stage(mosquitto: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        started = Stage(runner, SmallTown(tmp_path_factory.mktemp("town")))
        try:
            started.play(started.start_backwards())
            yield started
        finally:
            started.play(started.town.stop())


async def a_member_enters(town: SmallTown) -> None:
    """The check that all is well: a card opens, and the cloud knows."""
    began_ns = time.monotonic_ns()
    assert await town.gym.control.tap_and_walk(f"{GYM}.in", MEMBER)
    await town.operator.wait(lambda event: event["kind"] == "access.passed", since_ns=began_ns, within_s=PATIENCE_S)


def test_an_agent_that_comes_first_waits_for_keeper_broker_and_cloud_and_says_for_which(stage: Stage) -> None:
    assert (stage.seen["alone"]["keeper"], stage.seen["alone"]["faults"]["keeper"]) == (False, "lost")
    assert not stage.seen["with its keeper"]["link"]["up"]
    assert stage.seen["without a roster"]["points"][GYM]["shown"] == "no_roster"
    assert stage.seen["with a broker"]["roster"]["number"] == 0
    stage.play(a_member_enters(stage.town))
    events = stage.play(stage.town.operator.events_of(GYM))
    assert [event["reason"] for event in events if event["kind"] == "access.refused"] == ["no_roster"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_a_keeper_that_comes_first_opens_to_nobody_until_its_agent_is_there(stage: Stage) -> None:
    async def story(town: SmallTown) -> None:
        await town.gym.agent.stop()
        began_ns = time.monotonic_ns()
        assert not await town.gym.control.tap_and_walk(f"{GYM}.in", MEMBER)
        assert not [move for move in await town.gym.control.moves(began_ns) if move.name == f"{GYM}.unlock"]
        await town.gym.agent.start()
        await town.until(lambda: town.gym.says(is_ready))
        await a_member_enters(town)

    stage.play(story(stage.town))


def test_a_second_agent_on_the_journal_ends_with_one_line_and_the_first_goes_on(stage: Stage) -> None:
    config = str(stage.town.gym.config.path)
    line = refused([scripts("hearthgate-edge"), "run", "--config", config])
    assert re.fullmatch(r"hearthgate-edge: journal .*journal\.db is in use by another process: stop .*", line)
    assert stage.town.gym.agent.running
    stage.play(a_member_enters(stage.town))


def test_a_second_keeper_ends_with_one_line_and_the_first_goes_on(stage: Stage) -> None:
    line = refused([scripts("hearthgate-edge"), "keeper", "--config", str(stage.town.gym.config.path)])
    assert re.fullmatch(r"hearthgate-edge: .*keeper\.sock is in use by another process: stop .*", line)
    stage.play(a_member_enters(stage.town))


def test_a_second_cloud_ends_with_one_line_and_the_first_goes_on(stage: Stage) -> None:
    line = refused(stage.town.serve(free_port()))
    assert line == f"hearthgate-cloud: another server runs on {stage.town.cloud_folder}"
    stage.play(a_member_enters(stage.town))


class Office:
    """The property office at the cloud's API, beside a town that runs."""

    def __init__(self, town: SmallTown, visitor: Visitor) -> None:
        self.town, self._visitor = town, visitor
        assert visitor.log_in().status_code == 303
        self._token = visitor.token("/account")

    def does(self, path: str, **body: Any) -> Any:
        answer = self._visitor.post(f"/api/v1/{path}", json=body, headers={"X-CSRF-Token": self._token})
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def sees(self, path: str) -> Any:
        return self._visitor.get(f"/api/v1/{path}").json()

    async def issued(self) -> int:
        """The number of the first roster that holds every change so far, once the agent uses it."""

        async def is_published() -> bool:
            return not self.sees("rosters")["unpublished"]

        await self.town.until(is_published)
        number = int(self.sees("rosters")["rosters"][0]["number"])

        async def is_in_use() -> bool:
            return bool((await self.town.status())["roster"]["number"] >= number)

        await self.town.until(is_in_use)
        return number


def test_leaver_is_refused_by_the_next_roster(stage: Stage) -> None:
    """A company's leaver, whom the office ends: the next door decides by the roster that this change has made. How
    long that takes is measured in ``benchmarks/roster.py``."""

    async def story(town: SmallTown, office: Office) -> None:
        company = office.does("parties", kind="company", name_en="Acme")["id"]
        office.does(f"parties/{company}/memberships", plan="staff")
        place = office.does(f"parties/{company}/members", role="helper", name_en="Leaver")["id"]
        person = office.sees(f"parties/{company}")["members"][0]["person"]
        office.does(f"people/{person}/credentials", format="H10301", facility=77, number=7)
        before = await office.issued()
        assert await town.gym.control.tap_and_walk(f"{GYM}.in", "H10301:77:7")
        office.does(f"party-members/{place}/end")
        after = await office.issued()
        assert not await town.gym.control.tap_and_walk(f"{GYM}.in", "H10301:77:7")
        await town.until(town.in_step)
        told = [event["reason"] for event in await town.operator.events_of(GYM) if event["reason"]]
        assert (told[-2:], before < after) == (["allowed", "expired"], True)
        await a_member_enters(town)

    with Visitor(base_url=stage.town.url, timeout=PATIENCE_S) as visitor:
        stage.play(story(stage.town, Office(stage.town, visitor)))


def publish(town: SmallTown, topics_and_payloads: list[tuple[str, bytes]], *, retain: bool = False) -> None:
    messages: list[Any] = [
        {"topic": topic, "payload": payload, "qos": 1, "retain": retain} for topic, payload in topics_and_payloads
    ]
    multiple(messages, hostname="127.0.0.1", port=town.mqtt_port, protocol=MQTTProtocolVersion.MQTTv5)


def quarantined(town: SmallTown) -> dict[str, int]:
    """How many messages of each channel were refused as malformed."""
    listing = [scripts("hearthgate-cloud"), "quarantine", "list", "--dir", str(town.cloud_folder), "--json"]
    said = subprocess.run(listing, capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout
    return {tally["channel"]: tally["count"] for tally in json.loads(said)["tallies"] if tally["why"] == "malformed"}


def test_rubbish_on_the_broker_is_counted_shown_and_changes_nothing(stage: Stage) -> None:
    town = stage.town
    before = quarantined(town)
    publish(town, [(topics.up(SITE, GYM, channel), payload) for channel in UP for payload in RUBBISH])

    async def is_counted() -> bool:
        return quarantined(town) == {channel: before.get(channel, 0) + len(RUBBISH) for channel in UP}

    stage.play(town.until(is_counted))
    with Visitor(base_url=town.url, headers={"Accept-Language": "en"}, timeout=PATIENCE_S) as visitor:
        assert visitor.log_in().status_code == 303
        page = visitor.get("/quarantine").text
    shown = [int(count) for count in re.findall(rf"{GYM} · [^<]*<b>(\d+)</b>", page)]
    assert sum(shown) == len(UP) * len(RUBBISH)
    assert town.cloud.running
    stage.play(a_member_enters(town))


def test_rubbish_for_a_device_is_refused_and_the_door_works_on(stage: Stage) -> None:
    town = stage.town
    roster = stage.play(town.status())["roster"]
    publish(town, [(topics.down(SITE, GYM, channel), payload) for channel in DOWN for payload in RUBBISH])

    async def is_noticed() -> bool:
        return bool((await town.status())["roster"]["refused"])

    stage.play(town.until(is_noticed))
    status = stage.play(town.status())
    assert (status["roster"]["refused"], status["roster"]["number"]) == ("malformed", roster["number"])
    assert town.gym.agent.running
    stage.play(a_member_enters(town))
    stage.play(town.until(town.in_step))
    events = stage.play(town.operator.events_of(GYM))
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def most_kb(program: Program) -> int:
    """The most memory that a process ever held."""
    assert program._process is not None
    status = Path(f"/proc/{program._process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def test_ten_megabytes_on_every_channel_reach_neither_cloud_nor_device(stage: Stage) -> None:
    """A broker without a limit of its own: mosquitto drops what is larger than a reader takes, and counts it for ever
    among the twenty that may be under way to it. So fewer are sent; the broker of an estate takes none of them
    (`broker-config`)."""
    town = stage.town
    programs = town.cloud, town.gym.agent
    before = [most_kb(program) for program in programs]
    up = [topics.up(SITE, GYM, channel) for channel in topics.UP_CHANNELS]
    down = [topics.down(SITE, GYM, channel) for channel in topics.DOWN_CHANNELS]
    everywhere = up + down
    publish(town, [(topic, TEN_MEGABYTES) for topic in everywhere])
    publish(town, [(topic, TEN_MEGABYTES) for topic in up[: len(up) // 2] + down], retain=True)
    stage.play(a_member_enters(town))
    stage.play(town.gym.cable.cut())
    stage.play(town.gym.cable.restore())
    stage.play(town.until(town.in_step))
    publish(town, [(topic, b"") for topic in everywhere], retain=True)
    stage.play(a_member_enters(town))
    grown = [most_kb(program) - was for program, was in zip(programs, before, strict=True)]
    assert max(grown) < GROWS_BY_KB, grown
