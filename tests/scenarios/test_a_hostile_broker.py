"""Somebody holds the broker: they hear all, may say anything to anybody, keep back, repeat. No door obeys them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec import structs
from sqlalchemy import select

from cloud.cards.store import set_card_standing
from cloud.commands.store import find_desired, find_order
from cloud.devices.tables import tallies
from cloud.store.schema import devices
from contract import codec, topics
from contract.decide import DAY_MS, Mode, Standing
from contract.messages import Desired, Reported, Result
from contract.sealing import CommandKey, ConfigKey, Purpose, statement
from firmware_sim.worlds.demo.community import SITE
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.broker_thief import ORDER, Thief, fresh, lose_everything, openings, refused, sealed
from tests.scenarios.gym import FOUNDER, GYM, MEMBER, Gym

CONFIG = topics.down(SITE, GYM, "config")


@in_virtual_time
async def test_a_lost_card_opens_nothing_after_a_reinstall(tmp_path: Path) -> None:
    """A card is reported lost. Then the device loses its state, the cloud is kept away, and the roster of before is
    played with all its pages. Nobody enters by it, and with the cloud the newest roster comes."""
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        roster, page = topics.down(SITE, GYM, "roster"), topics.down(SITE, GYM, "page")
        await asyncio.sleep(1)
        before = gym.town.broker.retained[roster]
        gym.device.link.cut()
        gym.reboot(lose_everything)
        gym.device.link.restore()
        await gym.until(lambda: gym.roster["number"] > 0 and gym.in_step())
        pages = list(thief.heard[page])
        with gym.cloud.changing() as connection:
            set_card_standing(connection, 1, Standing.LOST)
        assert await gym.tries(FOUNDER) is False

        gym.cloud.kill()
        gym.reboot(lose_everything)
        gym.town.broker.retained[roster] = before
        await gym.until(lambda: gym.device.link.up)
        for _ in range(3):
            for blob in pages:
                thief.say(page, blob)
            thief.say(roster, before, retain=True)
            await asyncio.sleep(5)
        assert gym.roster["number"] == 0
        assert not await gym.tries(FOUNDER)

        gym.cloud.start()
        await gym.until(lambda: gym.roster["number"] > 1)
        assert not await gym.tries(FOUNDER)
        assert await gym.tries(MEMBER)


@in_virtual_time
@pytest.mark.parametrize("text", [None, b"garbage", b"all"], ids=["lost", "garbage", "all state lost twice"])
async def test_a_rotten_count_makes_no_cloud_deaf(tmp_path: Path, text: bytes | None) -> None:
    """The file that counts connections is lost or rots. The cloud still hears what the device says of itself, and knows
    the number that its commands must bear."""
    async with Gym(tmp_path) as gym:
        for _ in range(4):
            gym.reboot()
            await gym.until(lambda: gym.device.link.up and gym.in_step())

        def spoil(state: Path) -> None:
            (state / "connections").unlink()
            if text is not None:
                (state / "connections").write_bytes(text)

        for _ in range(2):
            gym.reboot(lose_everything if text == b"all" else spoil)
            await gym.until(lambda: gym.roster["number"] > 0 and gym.device.link.up and gym.in_step())
            await asyncio.sleep(15)
        with gym.cloud.reading() as connection:
            (known,) = connection.execute(select(devices.c.connection, devices.c.state).where(devices.c.name == GYM))
        assert gym.agent.remote is not None
        assert known.connection == gym.agent.remote.commands.connection
        assert known.state["boot"] == gym.agent.ports.clock.boot


def by_a_stranger(gym: Gym) -> bytes:
    return sealed(fresh(gym), CommandKey.generate().sign)


def by_the_roster_key(gym: Gym) -> bytes:
    return sealed(fresh(gym), gym.keys_of_cloud.roster.sign)


def by_the_config_key(gym: Gym) -> bytes:
    return sealed(fresh(gym), gym.keys_of_cloud.config.sign)


def for_another_purpose(gym: Gym) -> bytes:
    return sealed(fresh(gym), gym.keys_of_cloud.command.sign, purpose=Purpose.CONFIG)


def for_another_site(gym: Gym) -> bytes:
    return sealed(fresh(gym), gym.keys_of_cloud.command.sign, site="elsewhere")


def for_another_device(gym: Gym) -> bytes:
    command = structs.replace(fresh(gym), device="east-gate")
    return sealed(command, gym.keys_of_cloud.command.sign, device="east-gate")


def with_another_body(gym: Gym) -> bytes:
    payload = sealed(structs.replace(fresh(gym), op="send_log"), gym.keys_of_cloud.command.sign)
    return payload.replace(b"send_log", b"open_once")


def without_a_seal(gym: Gym) -> bytes:
    return codec.write(fresh(gym))


def rubbish(_gym: Gym) -> bytes:
    return b"\xff" * 10_000


def for_another_connection(gym: Gym) -> bytes:
    command = fresh(gym)
    return sealed(structs.replace(command, connection=command.connection + 1), gym.keys_of_cloud.command.sign)


def from_the_future(gym: Gym) -> bytes:
    command = fresh(gym)
    return sealed(structs.replace(command, issued_ms=command.issued_ms + DAY_MS), gym.keys_of_cloud.command.sign)


def with_an_order_nobody_knows(gym: Gym) -> bytes:
    body = msgspec.json.encode({**msgspec.to_builtins(fresh(gym)), "op": "self_destruct"})
    return codec.attach(body, gym.keys_of_cloud.command.sign(statement(Purpose.COMMAND, SITE, GYM, body)))


REFUSED = [
    (by_a_stranger, "bad_seal"),
    (by_the_roster_key, "bad_seal"),
    (by_the_config_key, "bad_seal"),
    (for_another_purpose, "bad_seal"),
    (for_another_site, "bad_seal"),
    (for_another_device, "bad_seal"),
    (with_another_body, "bad_seal"),
    (without_a_seal, "malformed"),
    (rubbish, "malformed"),
    (for_another_connection, "wrong_connection"),
    (from_the_future, "expired"),
    (with_an_order_nobody_knows, "not_understood"),
]


@pytest.mark.parametrize(("make", "why"), REFUSED, ids=[make.__name__ for make, _ in REFUSED])
@in_virtual_time
async def test_a_command_that_must_not_be_obeyed_is_counted_told_and_not_obeyed(
    make: Callable[[Gym], bytes], why: str, tmp_path: Path
) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        await gym.until(lambda: thief.link.up)
        for _ in range(30):
            thief.say(ORDER, make(gym))
        await gym.until(lambda: refused(gym) == {why: 30})
        assert openings(gym) == 0
        assert gym.agent.faults()["commands"] == "30 refused"
        await asyncio.sleep(61)
        told = gym.told("command.refused")
        assert [(event.data["why"], event.data["count"]) for event in told] == [(why, 1), (why, 29)]
        assert await gym.tries(MEMBER)


@in_virtual_time
async def test_no_clock_moves_on_the_thiefs_word(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        await gym.until(lambda: thief.link.up)
        wish = structs.replace(fresh(gym), op="clock_set", point="", args={"now_ms": gym.town.now_ms() + DAY_MS})
        thief.say(ORDER, sealed(wish, gym.keys_of_cloud.config.sign))
        thief.say(ORDER, sealed(structs.replace(wish, connection=77), gym.keys_of_cloud.command.sign))
        await gym.until(lambda: sum(refused(gym).values()) == 2)
        assert abs(gym.status["clock"]["at_ms"] - gym.town.now_ms()) < 1000
        assert gym.told("device.clock_set") == []


@in_virtual_time
async def test_yesterdays_document_changes_no_mode(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        desired_state = gym.cloud.desired_state
        desired_state.set_mode([GYM], Mode.HOLD_OPEN, "lin", "open day")
        await gym.until(lambda: CONFIG in thief.heard and gym.status["points"][GYM]["mode"] == "hold_open")
        old = thief.last(CONFIG)
        desired_state.set_mode([GYM], Mode.LOCKDOWN, "lin", "a fight in the yard")
        await gym.until(lambda: gym.status["points"][GYM]["mode"] == "lockdown")
        await gym.rest()
        for _ in range(10):
            thief.say(CONFIG, old, retain=True)
        await gym.until(lambda: gym.agent.faults().get("config") == "older_number")
        gym.reboot()
        await gym.until(lambda: gym.agent.faults().get("config") == "older_number")
        assert gym.status["points"][GYM]["mode"] == "lockdown"
        assert not await gym.tries(MEMBER)
        refusals = [event.data for event in gym.told("device.config") if event.data["status"] == "refused"]
        assert {(told["number"], told["why"]) for told in refusals} == {(2, "older_number")}


def document(gym: Gym, number: int, mode: Mode) -> bytes:
    return codec.write(Desired(GYM, number, gym.town.now_ms(), {GYM: mode}))


FORGED: list[tuple[str, Callable[[Gym], Callable[[bytes], bytes]], str, str]] = [
    ("a stranger", lambda _gym: ConfigKey.generate().sign, GYM, "bad_seal"),
    ("the command key", lambda gym: gym.keys_of_cloud.command.sign, GYM, "bad_seal"),
    ("the roster key", lambda gym: gym.keys_of_cloud.roster.sign, GYM, "bad_seal"),
    ("another device's", lambda gym: gym.keys_of_cloud.config.sign, "east-gate", "bad_seal"),
]


@pytest.mark.parametrize(("by", "signer", "device", "why"), FORGED, ids=[row[0] for row in FORGED])
@in_virtual_time
async def test_a_document_under_another_key_changes_no_mode(
    by: str, signer: Callable[[Gym], Callable[[bytes], bytes]], device: str, why: str, tmp_path: Path
) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        await gym.until(lambda: thief.link.up)
        body = document(gym, 99, Mode.HOLD_OPEN)
        seal = signer(gym)(statement(Purpose.CONFIG, SITE, device, body))
        thief.say(CONFIG, codec.attach(body, seal), retain=True)
        await gym.until(lambda: gym.agent.faults().get("config") == why)
        assert gym.status["points"][GYM]["mode"] == "scheduled"
        assert openings(gym) == 0, by


@in_virtual_time
async def test_a_second_document_under_one_number_is_refused(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        gym.cloud.desired_state.set_mode([GYM], Mode.LOCKDOWN, "lin", "a fight in the yard")
        await gym.until(lambda: gym.status["points"][GYM]["mode"] == "lockdown")
        body = document(gym, 1, Mode.HOLD_OPEN)
        seal = gym.keys_of_cloud.config.sign(statement(Purpose.CONFIG, SITE, GYM, body))
        thief.say(CONFIG, codec.attach(body, seal))
        await gym.until(lambda: gym.agent.faults().get("config") == "same_number")
        assert gym.status["points"][GYM]["mode"] == "lockdown"


@in_virtual_time
async def test_the_cloud_believes_no_answer_but_the_devices_own(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        thief = Thief(gym)
        await gym.until(lambda: thief.link.up)
        gym.device.hang_agent()
        gym.cloud.desired_state.set_mode([GYM], Mode.LOCKDOWN, "lin", "a fight in the yard")
        (command,) = gym.cloud.commands.issue("open_once", GYM, {}, "lin", "a visitor")
        thiefs_own = CommandKey.generate()
        done = codec.write(Result(command, "done", gym.town.now_ms()))
        taken_up = codec.write(Reported(1, "applied", gym.town.now_ms(), {GYM: Mode.LOCKDOWN}))
        for channel, purpose, body in (
            ("result", Purpose.RESULT, done),
            ("reported", Purpose.REPORTED, taken_up),
        ):
            stated = statement(purpose, SITE, GYM, body)
            for payload in (body, codec.attach(body, thiefs_own.sign(stated)), codec.attach(body, b""), b"rubbish"):
                thief.say(topics.up(SITE, GYM, channel), payload)
        await asyncio.sleep(1)
        with gym.cloud.reading() as connection:
            order, wanted = find_order(connection, command), find_desired(connection, GYM)
            counted = {row.channel: row.count for row in connection.execute(select(tallies))}
        assert order is not None
        assert order.state == "sent"
        assert wanted is not None
        assert wanted.reported is None
        assert set(counted) == {"result", "reported"}
        gym.device.kill_agent()
