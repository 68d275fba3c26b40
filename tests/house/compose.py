"""Runs a compose file's services as plain processes of this machine: what they name is real, containers are not.

A volume becomes a folder, a mounted file a copy, and each port a free one; the commands, their order, their
environment and their checks of health are those of the file.
"""

import asyncio
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from dev import ROOT
from firmware_sim.worlds.demo.brokers import SYSTEM_FOLDERS, free_port
from firmware_sim.worlds.demo.processes import Program

PORTS = "1883", "8400", "8401", "8883"
DEVICE_FOLDERS = {"state": "/var/lib/hearthgate", "keys": "/var/lib/hearthgate/keys", "run": "/run/hearthgate"}
"""The folders of a device, where its config names none."""
ONE_SHOT_WITHIN_S = 60.0
LOOK_AGAIN_S = 0.4
"""Every look is a process, and takes from those that it waits for."""


def read(file: Path = ROOT / "docker-compose.yml") -> dict[str, dict[str, Any]]:
    """The services by name."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["services"]
    return services


def words(command: str | list[str]) -> list[str]:
    """A command as the container gets it: split if it is one text, `$$` being how compose writes `$`."""
    split = shlex.split(command) if isinstance(command, str) else command
    return [word.replace("$$", "$") for word in split]


def dependencies(service: Mapping[str, Any]) -> set[str]:
    """Whom a service must follow: those it names, and the one whose network it shares."""
    _, shares, network = str(service.get("network_mode", "")).partition("service:")
    return {*service.get("depends_on", {}), *([network] if shares else [])}


class Town:
    """The services in a folder of their own. ``start`` follows their order, ``stop`` ends whatever was started."""

    def __init__(self, folder: Path) -> None:
        self.services = read()
        self.ports = {port: str(free_port()) for port in PORTS}
        self.said: dict[str, str] = {}
        """What the services that have ended printed."""
        self._folder = folder
        self._running: dict[str, Program] = {}

    async def start(self) -> None:
        """Raises ``TimeoutError`` or ``AssertionError`` for a service that does not come up."""
        for name in TopologicalSorter({n: dependencies(s) for n, s in self.services.items()}).static_order():
            for needed, how in self.services[name].get("depends_on", {}).items():
                if how["condition"] == "service_healthy":
                    await self.healthy(needed)
            await self._start(name)

    async def stop(self) -> None:
        for program in reversed(self._running.values()):
            await program.stop()

    async def _start(self, name: str) -> None:
        service = self.services[name]
        if "restart" in service:
            log = self._folder / f"{name}.log"
            self._running[name] = Program(name, self.here(name, service["command"]), log, self._environment(name))
            await self._running[name].start()
        else:
            code, self.said[name] = await self.run(name, service["command"])
            assert code == 0, f"{name}: {self.said[name]}"

    async def healthy(self, name: str) -> None:
        """Ask a service's check again and again until it is content. Only the broker's tool may be missing here."""
        kind, *check = words(self.services[name]["healthcheck"]["test"])
        assert kind == "CMD"
        if "mosquitto_sub" in " ".join(check) and shutil.which("mosquitto_sub") is None:
            return
        async with asyncio.timeout(ONE_SHOT_WITHIN_S):
            while (await self.run(name, check))[0]:
                self._running[name].check()
                await asyncio.sleep(LOOK_AGAIN_S)

    async def run(self, name: str, command: str | list[str]) -> tuple[int, str]:
        """A command in the place of a service: its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self.here(name, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self._environment(name)},
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), ONE_SHOT_WITHIN_S)
        except BaseException:
            process.kill()
            raise
        return process.returncode or 0, said.decode()

    def here(self, name: str, command: str | list[str]) -> list[str]:
        """A service's command with the places of this machine."""
        return [self._mapped(name, word) for word in words(command)]

    def _environment(self, name: str) -> dict[str, str]:
        asked = {key: self._mapped(name, value) for key, value in self.services[name].get("environment", {}).items()}
        path = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS]
        return {**asked, "PATH": os.pathsep.join(path)}

    def _mapped(self, name: str, text: str) -> str:
        for inside, outside in sorted(self._mounts(name), reverse=True):
            text = re.sub(rf"{re.escape(inside)}(?![\w-])", str(outside), text)
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def _mounts(self, name: str) -> Iterator[tuple[str, Path]]:
        """Each place inside the container, and what stands for it here."""
        for volume in self.services[name].get("volumes", []):
            source, inside, *_ = volume.split(":")
            if source.startswith("./"):
                yield inside, self._copy(name, ROOT / source)
            else:
                folder = self._folder / source
                folder.mkdir(exist_ok=True)
                yield inside, folder

    def _copy(self, name: str, file: Path) -> Path:
        """A mounted file, with this machine's ports and, where it is a device's, its folders written out."""
        copy = self._folder / f"{name}-{file.name}"
        if not copy.exists():
            copy.touch()
            text = file.read_text()
            if file.suffix == ".toml":
                folders = "\n".join(f'{key} = "{place}"' for key, place in DEVICE_FOLDERS.items())
                text = text.replace("[device]\n", f"[device]\n{folders}\n")
            copy.write_text(self._mapped(name, text))
        return copy
