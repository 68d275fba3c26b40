"""``hearthgate-sim device``: one simulated device beside a real cloud, to try things without a Raspberry Pi."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edge.config.device_config import DeviceConfig, load
from edge.identity.identity import Identity
from edge.machine.files import socket_complaint
from firmware_sim.control.control import BoardControl, BoardGone
from firmware_sim.worlds.demo.community import CONTROL, READY_WITHIN_S, named, programs_of, tell_time
from firmware_sim.worlds.demo.endings import stop_signal
from firmware_sim.worlds.demo.processes import Program, scripts
from firmware_sim.worlds.demo.samples import configured

LOOK_S = 0.5


class CannotBe(Exception):
    """There can be no such device; the text says why and what to do."""


def write_device(folder: Path, sample: str, *, site: str, zone: str, broker: str) -> Path:
    """The configuration file of a new device that bears its folder's name. Raises ``CannotBe`` or ``ConfigError``."""
    path = folder.absolute() / "device.toml"
    if path.exists():
        raise CannotBe(f"{path} exists: name another folder, or run it with hearthgate-sim device {path}")
    if wrong := socket_complaint(path.parent / CONTROL, "name a folder with a shorter path"):
        raise CannotBe(wrong)
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.parent.name
    path.write_text(
        configured(sample, site=site, name=name, zone=zone, broker=broker, posts_at="127.0.0.1:9000"), encoding="utf-8"
    )
    try:
        load(path)
    except Exception:
        path.unlink()
        raise
    return path


def run_device(path: Path, cloud: Path | None, *, people: bool, kinds: Sequence[Path] = ()) -> int:
    """Run it until told to end; registered first with the cloud of a folder, if one is named and it is not yet.

    Raises ``CannotBe``, ``ConfigError``, ``Died`` or ``OSError``.
    """
    config = load(path)
    folder = config.path.parent
    if wrong := socket_complaint(folder / CONTROL, "name a folder with a shorter path"):
        raise CannotBe(wrong)
    return asyncio.run(_live(config, folder.absolute(), cloud, people=people, kinds=kinds))


async def _live(config: DeviceConfig, folder: Path, cloud: Path | None, *, people: bool, kinds: Sequence[Path]) -> int:
    if cloud is not None and not (config.keys / "sync.key").exists():
        await _register(config, cloud, kinds)
    if not (config.keys / "sync.key").exists():
        raise CannotBe(
            f"{config.device.name} is not registered: add --cloud FOLDER for a cloud on this machine, or adopt it: "
            f"hearthgate-edge adopt https://HOST:8400 --ca FINGERPRINT --config {config.path}"
        )
    board, keeper, agent = programs = programs_of(config, folder, seed=1, people=people, kinds=kinds)
    ending = asyncio.ensure_future(stop_signal())
    control = BoardControl(folder / CONTROL)
    try:
        await board.start()
        with suppress(BoardGone):
            await control.wait_until_up(READY_WITHIN_S)
        await keeper.start()
        await agent.start()
        _introduce(config, folder)
        await _until_told(ending, programs)
        print("ending ...", flush=True)
    finally:
        ending.cancel()
        await control.close()
        for program in reversed(programs):
            await program.stop()
    return 0


async def _until_told(ending: "asyncio.Future[None]", programs: tuple[Program, ...]) -> None:
    """Raises ``Died`` if a program ends before."""
    while not ending.done():
        for program in programs:
            program.check()
        await asyncio.wait((ending,), timeout=LOOK_S)


async def _register(config: DeviceConfig, cloud: Path, kinds: Sequence[Path]) -> None:
    """As an installer at both machines does it, with the clock set."""
    tell_time(config)
    registering = await asyncio.create_subprocess_exec(
        *(scripts("hearthgate-cloud"), *named(kinds), "device", "add", config.device.name, "--dir", str(cloud)),
        *("--public-key", Identity(config.keys).public_key, "--out", str(config.keys)),
        *("--wiring", str(config.path)),
        stdout=sys.stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await registering.communicate()
    if registering.returncode:
        raise CannotBe(err.decode(errors="replace").strip().removeprefix("hearthgate-cloud: "))


def _introduce(config: DeviceConfig, folder: Path) -> None:
    control = folder / CONTROL
    readers = [f"{point.name}.{side}" for point in config.points for side in point.readers]
    readers += [reader.name for reader in config.readers]
    print(f"{config.device.name} runs: board, keeper and agent, with their logs in {folder}")
    for reader in readers:
        print(f"  a card:  hearthgate-sim tap {reader} H10301:21:15890 --control {control}")
    print(f"  its state:  hearthgate-edge status --config {config.path}\nCtrl-C ends it.", flush=True)
