"""Topics of the wire contract: ``hg/v1/{site}/{device}/{up|dn}/{channel}``."""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Way = Literal["up", "dn"]

UP_CHANNELS = ("events", "state", "beat", "live", "want", "reported", "result", "renew", "usage", "room")
DOWN_CHANNELS = ("ack", "roster", "page", "config", "command", "certificate", "lend", "zone")
CHANNELS: Mapping[Way, tuple[str, ...]] = {"up": UP_CHANNELS, "dn": DOWN_CHANNELS}

NAME = r"[a-z0-9][a-z0-9-]{0,39}"
"""Site, device and point names: lower-case letters, digits and hyphens, at most 40."""

_TOPIC = re.compile(rf"hg/v1/({NAME})/({NAME})/(up|dn)/([a-z]{{1,16}})")


class Topic(Struct, frozen=True):
    """A parsed topic."""

    site: str
    device: str
    way: Way
    channel: str


def up(site: str, device: str, channel: str) -> str:
    """The topic a device publishes a channel on; ``+`` for ``device`` subscribes to all of them."""
    return f"hg/v1/{site}/{device}/up/{channel}"


def down(site: str, device: str, channel: str) -> str:
    """The topic the cloud publishes a channel on."""
    return f"hg/v1/{site}/{device}/dn/{channel}"


def parse(topic: str) -> Topic | None:
    """The parts of a topic, or None if it is none of ours."""
    parts = _TOPIC.fullmatch(topic)
    if parts is None:
        return None
    way: Way = "up" if parts[3] == "up" else "dn"
    return Topic(parts[1], parts[2], way, parts[4]) if parts[4] in CHANNELS[way] else None
