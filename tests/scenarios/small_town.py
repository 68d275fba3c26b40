"""The gym as processes: a broker, the cloud and one device, each started when the story says so."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cloud.devices.registry import register
from cloud.keys.folder import clock, make_folder, open_folder
from cloud.sample import seed_sample
from cloud.web.auth import Authenticator, Role
from edge.identity.identity import Identity
from firmware_sim.network.link import Proxy
from firmware_sim.worlds.demo.brokers import Broker, free_port, start_broker
from firmware_sim.worlds.demo.community import SimulatedDevice, is_drained, write_config
from firmware_sim.worlds.demo.operator import Operator
from firmware_sim.worlds.demo.processes import Program, scripts
from tests.cloud.support.town import PASSWORD, QUICK

GYM = "gym-turnstile"
PATIENCE_S = 60.0


class SmallTown:
    """Nothing runs at first. Whatever was started is ended by ``stop``."""

    def __init__(self, folder: Path) -> None:
        self.cloud_folder = folder / "cloud"
        self.mqtt_port, self.web_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.web_port}"
        self.broker: Broker | None = None
        self.operator = Operator(self.url, "admin", PASSWORD)
        self._folder = folder
        with make_folder(self.cloud_folder) as (store, keys):
            with store.writing() as connection:
                seed_sample(connection, keys, clock())
            Authenticator(store, clock, QUICK).add_operator("admin", PASSWORD, Role.ADMIN, "setup")
        self.cloud = Program("cloud", self.serve(self.web_port), folder / "cloud.log")
        self.gym: SimulatedDevice

    async def make_device(self) -> None:
        """The gym's device, registered, with a cable of its own."""
        cable = Proxy(self.mqtt_port)
        await cable.start()
        folder = self._folder / GYM
        config = write_config(folder, GYM, "turnstile", "gym", GYM, cable.port)
        public = bytes.fromhex(Identity(config.keys).public_key)
        with open_folder(self.cloud_folder) as (store, keys):
            with store.writing() as connection:
                register(connection, GYM, public, clock())
            keys.hand_out(GYM, config.keys)
        self.gym = SimulatedDevice(folder, config, cable, seed=1, people=False)

    def start_broker(self) -> None:
        self.broker = start_broker(self._folder / "broker", self.mqtt_port)

    def serve(self, port: int) -> list[str]:
        """The command of a cloud that listens there."""
        broker = f"mqtt://127.0.0.1:{self.mqtt_port}"
        return [
            *(scripts("hearthgate-cloud"), "serve", "--dir", str(self.cloud_folder)),
            *("--broker", broker, "--port", str(port)),
        ]

    async def stop(self) -> None:
        await self.operator.close()
        await self.gym.stop()
        await self.cloud.stop()
        if self.broker is not None:
            self.broker.stop()

    async def status(self) -> dict[str, Any]:
        """What the agent says; empty while there is none."""
        return await self.gym.status() or {}

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Raises ``TimeoutError`` if it does not come true."""
        async with asyncio.timeout(PATIENCE_S):
            while not await condition():
                await asyncio.sleep(0.02)

    async def in_step(self) -> bool:
        """Whether the cloud has acknowledged everything."""
        return await self.gym.says(is_drained)


def refused(command: list[str]) -> str:
    """What a program says that ends with code 2 by itself."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (2, ""), done
    (line,) = done.stderr.splitlines()
    return line
