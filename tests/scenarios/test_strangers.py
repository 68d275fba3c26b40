"""Keys that do not fit: a device nobody registered, acknowledgements under a wrong key, rosters nobody should take."""

import logging
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from cloud.cards.store import set_card_standing
from cloud.keys.keys import write_secret
from contract import codec, topics
from contract.decide import HOUR_MS, Standing
from contract.messages import Manifest
from contract.sealing import Purpose, RosterKey, statement
from edge.identity.identity import Identity
from firmware_sim.worlds.demo.community import SITE
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, STAFF, STRANGER, Gym

ROSTER = topics.down(SITE, GYM, "roster")


@in_virtual_time
async def test_a_device_nobody_registered_runs_refuses_with_its_reason_and_says_its_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="edge.device.device"):
        async with Gym(tmp_path, adopted=False) as gym:
            assert not await gym.tries(MEMBER)
            assert gym.reasons() == ["no_roster"]
            assert gym.agent.faults()["uplink"] == "not_registered"
            assert Identity(gym.keys).public_key in caplog.text
            assert await gym.turnstile.leave()
            assert gym.arrived() == []


@in_virtual_time
async def test_what_a_device_recorded_before_it_was_registered_reaches_the_cloud_afterwards(tmp_path: Path) -> None:
    async with Gym(tmp_path, adopted=False) as gym:
        assert not await gym.tries(MEMBER)
        gym.adopt()
        gym.reboot()
        await gym.until(lambda: gym.in_step() and gym.roster["number"] > 0)
        assert await gym.tries(MEMBER)
        await gym.until(gym.in_step)
        assert gym.arrived() == gym.rows()


@in_virtual_time
async def test_acknowledgements_under_a_wrong_key_are_not_believed_and_nothing_is_lost(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        await gym.until(gym.in_step)
        acked = gym.agent.recorder.acked
        write_secret(gym.keys / "sync.key", secrets.token_bytes(32))
        gym.reboot()
        for _ in range(5):
            assert await gym.tries(MEMBER)
        # A power cut may take back what the device knew of an acknowledgement, never add to it.
        assert gym.agent.recorder.acked <= acked
        assert gym.status["journal"]["waiting"] > 10
        assert gym.agent.uplink is not None
        assert gym.agent.uplink.refused["bad_seal"] > 0

        gym.adopt()
        gym.reboot()
        await gym.until(gym.in_step)
        assert [event.seq for event in gym.arrived()] == [event.seq for event in gym.rows()]


def signed(gym: Gym, manifest: Manifest, *, key: RosterKey | None = None, device: str = GYM) -> bytes:
    body = codec.write(manifest)
    return codec.attach(body, (key or gym.keys_of_cloud.roster).sign(statement(Purpose.ROSTER, SITE, device, body)))


def newer(gym: Gym) -> Manifest:
    """The roster in use, issued again an hour later."""
    manifest = gym.agent.ports.roster.manifest
    assert manifest is not None
    return structs.replace(manifest, number=manifest.number + 1, issued_ms=manifest.issued_ms + HOUR_MS)


def under_a_strangers_key(gym: Gym) -> bytes:
    return signed(gym, newer(gym), key=RosterKey.from_bytes(secrets.token_bytes(32)))


def without_a_seal(gym: Gym) -> bytes:
    return codec.write(newer(gym))


def older(gym: Gym) -> bytes:
    manifest = newer(gym)
    return signed(gym, structs.replace(manifest, number=1, issued_ms=MIDNIGHT_MS))


def expired(gym: Gym) -> bytes:
    return signed(gym, structs.replace(newer(gym), expires_ms=gym.town.now_ms() - 1))


def for_another_device(gym: Gym) -> bytes:
    return signed(gym, structs.replace(newer(gym), device="east-gate"))


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
    make: Callable[[Gym], bytes], why: str, tmp_path: Path
) -> None:
    async with Gym(tmp_path) as gym:
        with gym.cloud.changing() as connection:
            set_card_standing(connection, 1, Standing.LOST)
        await gym.until(lambda: gym.roster["number"] == 2)
        gym.cloud.link.publish(ROSTER, make(gym), qos=1)
        await gym.until(lambda: gym.roster["refused"] != "")
        assert gym.roster["refused"] == why
        assert gym.roster["number"] == 2
        assert gym.told("device.roster_refused")[-1].data == {"why": why, "kept": 2}
        assert await gym.tries(STAFF)
        assert not await gym.tries(STRANGER)
        await gym.until(gym.in_step)
        assert "device.roster_refused" in {event.kind for event in gym.arrived()}
