"""Keys that do not fit: a device nobody registered, acknowledgements under a wrong key, rosters nobody should take."""

import logging
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from cloud.keys import write_secret
from cloud.store.community import set_card_standing
from contract import codec, topics
from contract.decide import HOUR_MS, Standing
from contract.messages import Manifest
from contract.sealing import Purpose, RosterKey, statement
from firmware_sim.worlds.community import SITE
from tests.firmware_sim.story import in_virtual_time
from tests.scenarios.estate import GYM, MEMBER, NOW_MS, STAFF, STRANGER, Estate, Gateway, in_step

ROSTER = topics.down(SITE, GYM, "roster")


@in_virtual_time
async def test_a_device_nobody_registered_runs_refuses_with_its_reason_and_says_its_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="edge.device"):
        async with Estate(tmp_path) as estate:
            gym = await estate.gateway(adopted=False)
            assert not await gym.tries(MEMBER)
            assert gym.reasons() == ["no_roster"]
            assert gym.device.faults()["uplink"] == "not_registered"
            assert gym.identity.public_key in caplog.text
            assert await gym.turnstile.leave()
            assert estate.cloud.events() == []


@in_virtual_time
async def test_what_a_device_recorded_before_it_was_registered_reaches_the_cloud_afterwards(tmp_path: Path) -> None:
    async with Estate(tmp_path) as estate:
        gym = await estate.gateway(adopted=False)
        assert not await gym.tries(MEMBER)
        estate.cloud.adopt(GYM, gym.identity, gym.config.keys)
        gym = estate.reboot(gym)
        await estate.until(lambda: in_step(gym) and gym.device.status()["roster"]["number"] > 0)
        assert await gym.tries(MEMBER)
        await estate.until(lambda: in_step(gym))
        assert estate.cloud.events() == gym.rows()


@in_virtual_time
async def test_acknowledgements_under_a_wrong_key_are_not_believed_and_nothing_is_lost(tmp_path: Path) -> None:
    async with Estate(tmp_path) as estate:
        gym = await estate.gateway()
        acked = gym.device.recorder.acked

        def another_key(state: Path) -> None:
            write_secret(state.parent / "keys" / "sync.key", secrets.token_bytes(32))

        gym = estate.reboot(gym, another_key)
        for _ in range(5):
            assert await gym.tries(MEMBER)
        assert gym.device.recorder.acked == acked
        assert gym.device.status()["journal"]["waiting"] > 10
        assert gym.device.uplink is not None
        assert gym.device.uplink.refused["bad_seal"] > 0

        def the_right_key(state: Path) -> None:
            estate.cloud.adopt(GYM, gym.identity, state.parent / "keys")

        gym = estate.reboot(gym, the_right_key)
        await estate.until(lambda: in_step(gym))
        assert [event.seq for event in estate.cloud.events()] == [event.seq for event in gym.rows()]


def signed(estate: Estate, manifest: Manifest, *, key: RosterKey | None = None, device: str = GYM) -> bytes:
    body = codec.write(manifest)
    return codec.attach(body, (key or estate.cloud.keys.roster).sign(statement(Purpose.ROSTER, SITE, device, body)))


def newer(gym: Gateway) -> Manifest:
    """The roster in use, issued again an hour later."""
    manifest = gym.device.ports.roster.manifest
    assert manifest is not None
    return structs.replace(manifest, number=manifest.number + 1, issued_ms=manifest.issued_ms + HOUR_MS)


def under_a_strangers_key(estate: Estate, gym: Gateway) -> bytes:
    return signed(estate, newer(gym), key=RosterKey.from_bytes(secrets.token_bytes(32)))


def without_a_seal(_estate: Estate, gym: Gateway) -> bytes:
    return codec.write(newer(gym))


def older(estate: Estate, gym: Gateway) -> bytes:
    manifest = newer(gym)
    return signed(estate, structs.replace(manifest, number=1, issued_ms=NOW_MS))


def expired(estate: Estate, gym: Gateway) -> bytes:
    return signed(estate, structs.replace(newer(gym), expires_ms=estate.cloud.now_ms() - 1))


def for_another_device(estate: Estate, gym: Gateway) -> bytes:
    return signed(estate, structs.replace(newer(gym), device="east-gate"))


REFUSED = [
    (under_a_strangers_key, "bad_seal"),
    (without_a_seal, "malformed"),
    (older, "older_version"),
    (expired, "expired"),
    (for_another_device, "wrong_device"),
]


@pytest.mark.parametrize(("make", "why"), REFUSED, ids=[make.__name__ for make, _ in REFUSED])
@in_virtual_time
async def test_a_roster_that_must_not_be_taken_is_refused_with_its_reason_and_the_old_one_stays(
    make: Callable[[Estate, Gateway], bytes], why: str, tmp_path: Path
) -> None:
    async with Estate(tmp_path) as estate:
        gym = await estate.gateway()
        with estate.cloud.store.writing() as connection:
            set_card_standing(connection, 1, Standing.LOST)
        await estate.until(lambda: gym.device.status()["roster"]["number"] == 2)
        estate.cloud.link.publish(ROSTER, make(estate, gym), qos=1)
        await estate.until(lambda: gym.device.status()["roster"]["refused"] != "")
        assert gym.device.status()["roster"]["refused"] == why
        assert gym.device.status()["roster"]["number"] == 2
        assert gym.told("device.roster_refused")[-1].data == {"why": why, "kept": 2}
        assert await gym.tries(STAFF)
        assert not await gym.tries(STRANGER)
        await estate.until(lambda: in_step(gym))
        assert "device.roster_refused" in {event.kind for event in estate.cloud.events()}
