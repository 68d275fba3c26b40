"""The sealed channels from the cloud to its devices: commands, desired states and rosters."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from cloud.line.broker import Publish
from contract import codec, topics
from contract.sealing import CommandKey, ConfigKey, Purpose, RosterKey, seal

Channel = Literal["command", "config", "roster"]
PURPOSES: Mapping[Channel, Purpose] = {
    "command": Purpose.COMMAND,
    "config": Purpose.CONFIG,
    "roster": Purpose.ROSTER,
}
RETAINED = frozenset({"config", "roster"})
"""The channels of which the broker keeps the newest document for a device that is offline."""


class SealedChannel:
    """A channel to all devices of a site, on which each document is sealed with the key of the channel."""

    def __init__(self, publish: Publish, site: str, channel: Channel, key: CommandKey | ConfigKey | RosterKey) -> None:
        self.site = site
        self._publish, self._channel, self._key = publish, channel, key

    def publish(self, device: str, document: Struct) -> None:
        """Send a device its document."""
        sealed = seal(self._key.sign, PURPOSES[self._channel], self.site, device, codec.write(document))
        self._publish(topics.down(self.site, device, self._channel), sealed, retain=self._channel in RETAINED)
