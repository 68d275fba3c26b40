"""A connected post in its own version of OCPP: what it says becomes our words, and our orders become its calls."""

from typing import Any, Protocol

from edge.ocpp.talk import Ear
from edge.ocpp.v16 import Post16
from edge.ocpp.v201 import Post201
from edge.stations.ev_post.messages import FromPost, Order, Version


class Post(Protocol):
    """A post of either version."""

    async def hear(self, message: str) -> None:
        """Take one message of the post to completion."""

    async def obey(self, connector: int, order: Order) -> FromPost | None:
        """Have the post do something, and return what is told of it."""


def post(version: Version, name: str, connection: Any, ear: Ear) -> Post:
    """The other end of a connection."""
    return (Post16 if version == "1.6" else Post201)(name, connection, ear)
