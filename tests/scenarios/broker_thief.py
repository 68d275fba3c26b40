"""Somebody who holds the broker: hears all, says anything, repeats what was said."""

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from contract import codec, topics
from contract.messages import Command
from contract.sealing import Purpose, statement
from firmware_sim.network.virtual_mqtt import VirtualLink
from firmware_sim.worlds.demo.community import SITE
from tests.scenarios.gym import GYM, Gym

ORDER = topics.down(SITE, GYM, "command")


class Thief:
    """A client with every right, and a memory."""

    def __init__(self, gym: Gym) -> None:
        self.gym = gym
        self.heard: dict[str, list[bytes]] = {}
        self.link = VirtualLink(gym.town.broker, "thief", subscribe=["#"])
        self.link.on_message = lambda topic, payload, _retained: self.heard.setdefault(topic, []).append(payload)
        self.link.start()

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.link.publish(topic, payload, qos=1, retain=retain)

    def last(self, topic: str) -> bytes:
        return self.heard[topic][-1]


def openings(gym: Gym) -> int:
    """How often the lock was driven, by the log of the board, which is the witness."""
    unlock = gym.device.config.points[0].outputs["unlock"]
    return sum(move.pin == unlock.pin and move.level == (unlock.relay == "high") for move in gym.device.board.moves)


def refused(gym: Gym) -> dict[str, int]:
    assert gym.agent.remote is not None
    return dict(gym.agent.remote.commands.refused)


def fresh(gym: Gym) -> Command:
    """What a thief would love to have sealed: open the gym, now, for this connection."""
    assert gym.agent.remote is not None
    return Command(
        id=secrets.token_hex(16),
        device=GYM,
        op="open_once",
        by="thief",
        reason="none of your business",
        connection=gym.agent.remote.commands.connection,
        lifetime_ms=10_000,
        issued_ms=gym.town.now_ms(),
        point=GYM,
    )


def sealed(
    command: Command,
    sign: Callable[[bytes], bytes],
    *,
    purpose: Purpose = Purpose.COMMAND,
    site: str = SITE,
    device: str = GYM,
) -> bytes:
    body = codec.write(command)
    return codec.attach(body, sign(statement(purpose, site, device, body)))


def lose_everything(state: Path) -> None:
    """The folder of the state is removed; the keys are kept."""
    shutil.rmtree(state)
    state.mkdir()
