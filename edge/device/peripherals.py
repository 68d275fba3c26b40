"""The peripherals of a device besides its pins, at work: the buses of its instruments, its scanners, and the line of
its posts.
"""

from functools import partial
from typing import TYPE_CHECKING

from edge.agent.agent import Agent
from edge.config.device_config import DeviceConfig
from edge.device.ports import Ports
from edge.scanners.scanning import Scanning

if TYPE_CHECKING:  # most devices have neither, and need not load what speaks to them
    from edge.instruments.polling import Metering
    from edge.ocpp.server import OcppServer


class Peripherals:
    """Everything that reads for the points of one device, or talks for them."""

    def __init__(self, config: DeviceConfig, ports: Ports, agent: Agent) -> None:
        self._parts: list[Metering | OcppServer | Scanning] = [
            *_metering(config, ports, agent),
            *_posts(config, ports, agent),
            *_scanning(config, ports, agent),
        ]

    def start(self) -> None:
        for part in self._parts:
            part.start()

    async def close(self) -> None:
        for part in self._parts:
            await part.close()

    def faults(self) -> dict[str, str]:
        """What is wrong, by place: a lost bus or scanner, an instrument of a point, an address that cannot be listened
        on."""
        return {place: why for part in self._parts for place, why in part.faults().items()}


def _metering(config: DeviceConfig, ports: Ports, agent: Agent) -> "list[Metering]":
    if not config.buses:
        return []
    from edge.instruments.polling import Metering

    return [Metering(bus, config.points, ports.open_bus(bus), ports.loop, agent.read) for bus in config.buses]


def _scanning(config: DeviceConfig, ports: Ports, agent: Agent) -> "list[Scanning]":
    wired = {(point.name, way): scanner for point in config.points for way, scanner in point.scanners.items()}
    return [Scanning(wired, ports.open_scanner, ports.loop, agent.scan)] if wired else []


def _posts(config: DeviceConfig, ports: Ports, agent: Agent) -> "list[OcppServer]":
    if config.ocpp is None:
        return []
    wired = [(point.name, name, line) for point in config.points for name, line in point.lines.items()]
    if not ports.serve_posts:
        agent.lines |= {(point, name): lambda _message: None for point, name, _ in wired}
        return []
    from edge.ocpp.passwords import passwords_in
    from edge.ocpp.server import OcppServer

    places = {(line.post, line.connector): point for point, _, line in wired}
    server = OcppServer(
        config.ocpp.address, places, passwords_in(config.keys), ports.clock.now_ms, ports.loop, agent.receive
    )
    for point, name, _ in wired:
        agent.lines[point, name] = partial(server.send, point)
    return [server]
