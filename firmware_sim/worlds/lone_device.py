"""``hearthgate-sim device``: one simulated device beside a real cloud, to try things without a Raspberry Pi."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.config.device_config import DeviceConfig, load
from edge.identity.identity import Identity
from edge.machine.files import socket_complaint
from edge.machine.mendable import Mendable
from firmware_sim.worlds.demo.community import CONTROL, DevicePrograms, give_passwords, named, tell_time
from firmware_sim.worlds.demo.processes import scripts, until_stopped
from firmware_sim.worlds.demo.samples import configured

LOOK_S = 0.5
SHORTER = "name a folder with a shorter path"


class CannotBe(Mendable):
    """There can be no such device; the text says why and what to do."""


def write_device(folder: Path, sample: str, *, site: str, zone: str, broker: str) -> Path:
    """The configuration file of a new device that bears its folder's name. Raises ``CannotBe`` or ``ConfigError``."""
    path = folder.absolute() / "device.toml"
    if path.exists():
        raise CannotBe(f"{path} exists: name another folder, or run it with hearthgate-sim device {path}")
    if wrong := socket_complaint(path.parent / CONTROL, SHORTER):
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


def run_device(path: Path, cloud: Path | None, *, people: bool, kinds: Sequence[Path] = ()) -> None:
    """Run it until told to end; registered first with the cloud of a folder, if one is named and it is not yet.

    Raises ``CannotBe``, ``ConfigError``, ``Died`` or ``OSError``.
    """
    config = load(path)
    if wrong := socket_complaint(config.path.parent / CONTROL, SHORTER):
        raise CannotBe(wrong)
    asyncio.run(_live(config, cloud, people=people, kinds=kinds))


async def _live(config: DeviceConfig, cloud: Path | None, *, people: bool, kinds: Sequence[Path]) -> None:
    registered = config.keys / "sync.key"
    if cloud is not None and not registered.exists():
        await _register(config, cloud, kinds)
    if not registered.exists():
        raise CannotBe(
            f"{config.device.name} is not registered: add --cloud FOLDER for a cloud on this machine, or adopt it: "
            f"hearthgate-edge adopt https://HOST:8400 --ca FINGERPRINT --config {config.path}"
        )
    give_passwords(config)
    device = DevicePrograms(config.path.parent.absolute(), config, seed=1, people=people, kinds=kinds)
    try:
        await until_stopped(_run(device))
        print("ending ...", flush=True)
    finally:
        await device.stop()


async def _run(device: DevicePrograms) -> None:
    """Raises ``Died`` once a program ends."""
    await device.start()
    _introduce(device.config, device.control.path)
    while True:
        for program in device.programs:
            program.check()
        await asyncio.sleep(LOOK_S)


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


def _introduce(config: DeviceConfig, control: Path) -> None:
    readers = [f"{point.name}.{side}" for point in config.points for side in point.readers]
    readers += [reader.name for reader in config.readers]
    print(f"{config.device.name} runs: board, keeper and agent, with their logs in {control.parent}")
    for reader in readers:
        print(f"  a card:  hearthgate-sim tap {reader} H10301:21:15890 --control {control}")
    for scanner in (f"{point.name}.{side}" for point in config.points for side in point.scanners):
        print(f"  a pass:  hearthgate-sim scan {scanner} TEXT --control {control}")
    print(f"  its hardware:  hearthgate-sim panel {config.device.name}={control.parent}")
    print(f"  its state:  hearthgate-edge status --config {config.path}\nCtrl-C ends it.", flush=True)
