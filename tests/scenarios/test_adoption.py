"""A device is adopted, replaced by a caretaker, and stolen: with the broker, the cloud and the agents as processes."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.fleet.broker_config import SCRIPT
from firmware_sim.worlds.demo.brokers import free_port
from firmware_sim.worlds.demo.community import write_config
from firmware_sim.worlds.demo.processes import Program, scripts

pytestmark = pytest.mark.usefixtures("mosquitto")
WITHIN_S = 90.0
GATE = "north-gate"


class Stage:
    """The broker as `broker-config` wrote it, the cloud with HTTPS, and an operator at the console."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cloud = folder, folder / "cloud"
        self.ports = {"broker": free_port(), "console": free_port()}
        self.url = f"https://127.0.0.1:{self.ports['console']}"
        self.mqtt = f"mqtts://127.0.0.1:{self.ports['broker']}"
        self.programs: list[Program] = []
        self.fingerprint = ""

    async def open(self) -> None:
        founded = await command("hearthgate-cloud", "init", str(self.cloud), "--sample", "--json")
        self.password = json.loads(founded)["password"]
        port = str(self.ports["broker"])
        said = await command(
            *("hearthgate-cloud", "broker-config", "--dir", str(self.cloud)),
            *("--host", "127.0.0.1", "--port", port, "--bind", "127.0.0.1"),
        )
        (self.fingerprint,) = re.findall(r"fingerprint\D+([0-9a-f]{64})", said)
        await self.run("broker", "sh", str(self.cloud / "broker" / SCRIPT))
        await self.run(
            *("cloud", scripts("hearthgate-cloud"), "serve", "--dir", str(self.cloud), "--broker", self.mqtt),
            *("--port", str(self.ports["console"]), "--tls", "127.0.0.1"),
        )
        context = ssl.create_default_context(cafile=self.cloud / "keys" / "ca.crt")
        self.operator = httpx.AsyncClient(base_url=self.url, verify=context, timeout=20)
        await until(self._serves)
        await self.submit("/login", "/login", name="admin", password=self.password)

    async def close(self) -> None:
        for program in reversed(self.programs):
            await program.stop()
        await self.operator.aclose()

    async def run(self, name: str, *arguments: str) -> Program:
        program = Program(name, arguments, self.folder / f"{name}.log")
        self.programs.append(program)
        await program.start()
        return program

    async def submit(self, path: str, on: str, **fields: str) -> httpx.Response:
        (token, *_) = re.findall(r'name="csrf" value="([^"]+)"', (await self.operator.get(on)).text)
        return await self.operator.post(path, data={"csrf": token, **fields})

    async def adopt(self, config: Path, keys: Path, **place: str) -> str:
        """Run `adopt` on a device, read the code off its screen, confirm it in the console; returns its last words."""
        adopting = await asyncio.create_subprocess_exec(
            *(scripts("hearthgate-edge"), "adopt", self.url, "--ca", self.fingerprint),
            *("--config", str(config), "--keys", str(keys), "--label", str(keys.parent / "label.svg")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert adopting.stdout is not None
        shown = (await asyncio.wait_for(adopting.stdout.readline(), WITHIN_S)).decode()
        (code,) = re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", shown)
        await until(self._waits)
        answer = await self.submit("/adoptions", "/adoptions", code=code, **place)
        assert answer.headers.get("location", "").startswith("/adoptions?done=adopted"), answer.text
        said = (await asyncio.wait_for(adopting.stdout.read(), WITHIN_S)).decode()
        assert await adopting.wait() == 0, said
        return said

    async def agent(self, name: str, config: Path) -> Callable[[], Awaitable[dict[str, Any]]]:
        """Start a device's agent; returns how to ask it how it is."""
        await self.run(name, scripts("hearthgate-edge"), "run", "--config", str(config))

        async def status() -> dict[str, Any]:
            try:
                reader, writer = await asyncio.open_unix_connection(config.parent / "run" / "agent.sock")
            except OSError:
                return {"link": {"up": False, "why": ""}, "roster": {"number": 0}}
            answer = await reader.read()
            writer.close()
            return dict(json.loads(answer))

        return status

    async def _serves(self) -> bool:
        for program in self.programs:
            program.check()
        try:
            return (await self.operator.get("/health/live")).status_code == 200
        except httpx.TransportError:
            return False

    async def _waits(self) -> bool:
        return "/refuse" in (await self.operator.get("/adoptions")).text


async def command(script: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        scripts(script), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not await condition():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Stage]:
    stage = Stage(folder)
    try:
        await stage.open()
        yield stage
    finally:
        await stage.close()


async def synced(status: Callable[[], Awaitable[dict[str, Any]]]) -> bool:
    found = await status()
    return bool(found["link"]["up"] and found["roster"]["number"])


async def revoked(status: Callable[[], Awaitable[dict[str, Any]]]) -> bool:
    return "revoked" in (await status())["link"]["why"]


def wired(folder: Path, broker: str) -> Path:
    """A gate's configuration, as an installer wrote it before the cloud knew the device."""
    config = write_config(folder, GATE, "door", "estate", "east-gate", 1).path
    config.write_text(config.read_text().replace("mqtt://127.0.0.1:1", broker))
    return config


@pytest.mark.long(20)
def test_a_device_is_adopted_replaced_by_a_caretaker_and_lost(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as stage:
            first = wired(tmp_path / "first", stage.mqtt)
            said = await stage.adopt(first, first.parent / "keys", name=GATE, zone="estate", label_en="North gate")
            assert f"adopted as {GATE}" in said
            assert "</svg>" in (first.parent / "label.svg").read_text()
            old = await stage.agent("old", first)
            await until(lambda: synced(old))

            spare = tmp_path / "spare" / "device.toml"
            said = await stage.adopt(spare, spare.parent / "keys", replace=GATE)
            assert f"predecessor of {GATE} had it" in said
            assert spare.read_text() == first.read_text()
            await until(lambda: revoked(old))
            new = await stage.agent("new", spare)
            await until(lambda: synced(new))
            assert not (await old())["link"]["up"]

            lost = json.loads(
                await command("hearthgate-cloud", "device", "lost", GATE, "--dir", str(stage.cloud), "--json")
            )
            assert (lost["told"], lost["cut"]) == (True, True)
            assert ("Li Si", "2-502") in {(card["name"], card["unit"]) for card in lost["cards"]}
            await until(lambda: revoked(new))
            assert (await new())["roster"]["number"]  # it goes on deciding by what it has

    asyncio.run(story())
