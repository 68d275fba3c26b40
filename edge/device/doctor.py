"""What can be wrong with an installation, one check a line, each with its cure. Nothing here changes anything."""

import json
import os
import re
import socket
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from gpiozero.exc import BadPinFactory
from msgspec import Struct

from contract.decide import DAY_MS
from edge.config.device_config import DeviceConfig
from edge.config.places import socket_path
from edge.config.wiring import Wirings
from edge.identity.credentials import Credentials
from edge.journal.journal import JournalError, JournalView
from edge.keeper.pins import is_simulated, pin_factory
from edge.link.renewal import WARN_BEFORE_MS
from edge.machine.clock import CLOCK_FILE, DeviceClock
from edge.ocpp.passwords import passwords_in

Verdict = Literal["ok", "skipped", "warning", "failed"]
"""``skipped`` is what could not be looked at."""

MAX_WATCHDOG_S = 10
"""A device that hangs must be reset within this time: its pins stay driven until then."""


ANSWERS_WITHIN_S = 5.0
FIRE_HOW_TO = "wire it: docs/how-to/fire-and-drill.md"


class Finding(Struct, frozen=True):
    """One line: what was looked at, how it is, and what to do about it (empty if nothing is to be done)."""

    check: str
    verdict: Verdict
    found: str
    cure: str = ""


def examine(config: DeviceConfig, root: Path = Path("/")) -> Iterator[Finding]:
    """Every check of an installation; ``root`` is where the system's files are looked for."""
    simulated = is_simulated(config.run)
    for check in CHECKS:
        name = check.__name__.removeprefix("_")
        if simulated and check in OF_THE_BOARD:
            yield Finding(name, "skipped", "simulated: not checked")
            continue
        try:
            yield check(config, root)
        except _NoAgent as cure:
            yield Finding(name, "skipped", "no agent runs that could be asked", str(cure))


def agent_status(run: Path) -> dict[str, Any] | None:
    """What the running agent says of itself; None if none answers."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(ANSWERS_WITHIN_S)
            line.connect(str(run / "agent.sock"))
            return dict(json.loads(b"".join(iter(lambda: line.recv(65536), b""))))
    except (OSError, ValueError):
        return None


class _NoAgent(Exception):
    """No agent runs that could be asked. The text is what to do otherwise."""


def _ask_agent(config: DeviceConfig, otherwise: str = "") -> dict[str, Any]:
    status = agent_status(config.run)
    if status is None:
        raise _NoAgent("start it, and run this again: systemctl start hearthgate-agent" + otherwise)
    return status


def _folders(config: DeviceConfig, _root: Path) -> Finding:
    unusable = [str(folder) for folder in (config.state, config.keys, config.run) if not os.access(folder, os.W_OK)]
    if unusable:
        return Finding(
            "folders", "failed", f"cannot write {', '.join(unusable)}", "create them for the user of the agent"
        )
    return Finding("folders", "ok", "state, keys and run can be written")


def _keys(config: DeviceConfig, _root: Path) -> Finding:
    needed = ("device.key", "digest.key", "sync.key", "roster.pub", "config.pub", "command.pub")
    missing = [name for name in needed if not (config.keys / name).exists()]
    if missing:
        return Finding("keys", "warning", f"missing: {', '.join(missing)}", "register this device with the cloud")
    loose = [name for name in needed if stat.S_IMODE((config.keys / name).stat().st_mode) & 0o077]
    if loose:
        return Finding("keys", "failed", f"others can read {', '.join(loose)}", f"chmod 600 {config.keys}/*")
    return Finding("keys", "ok", "all there, readable by their owner alone")


def _certificate(config: DeviceConfig, _root: Path) -> Finding:
    if not config.cloud.broker.startswith("mqtts:"):
        return Finding("certificate", "ok", "not needed: the broker is on this machine")
    clock = DeviceClock(config.state / CLOCK_FILE)
    end_ms = Credentials(config.keys, clock).not_after_ms
    if end_ms is None:
        return Finding("certificate", "warning", "there is none", "adopt this device: hearthgate-edge adopt")
    left_days = (end_ms - clock.now_ms()) // DAY_MS
    if left_days < 0:
        return Finding("certificate", "failed", "has ended", "adopt this device again, in its own place")
    if end_ms - clock.now_ms() < WARN_BEFORE_MS:
        return Finding("certificate", "warning", f"ends in {left_days} days", "look why the device reaches no cloud")
    return Finding("certificate", "ok", f"good for {left_days} days")


def _cloud(config: DeviceConfig, _root: Path) -> Finding:
    link = _ask_agent(config)["link"]
    if link["up"]:
        return Finding("cloud", "ok", f"connected to {config.cloud.broker}")
    return Finding("cloud", "warning", link["why"], "doors go on deciding; see docs/how-to/adopt-a-device.md")


def _journal(config: DeviceConfig, _root: Path) -> Finding:
    path = config.state / "journal.db"
    if not path.exists():
        return Finding("journal", "ok", "none yet; the agent makes it at its first start")
    try:
        with JournalView(path) as journal:
            verdict = journal.verify()
    except JournalError as wrong:
        return Finding("journal", "failed", str(wrong), "restart the agent: it recovers what is whole")
    if verdict.broken:
        return Finding("journal", "failed", verdict.broken, "restart the agent: it recovers what is whole")
    return Finding("journal", "ok", f"the chain holds from row {verdict.first} to {verdict.last}")


def _wiring(config: DeviceConfig, _root: Path) -> Finding:
    chosen = Wirings(config).in_force()
    if chosen.rotten:
        cure = "send it again from the cloud, or: hearthgate-edge config drop"
        return Finding("wiring", "failed", f"the device's own file rules: {chosen.rotten}", cure)
    if chosen.copy is None:
        return Finding("wiring", "ok", "the device's own file rules")
    since = datetime.fromtimestamp(chosen.copy.at_ms / 1000, UTC)
    return Finding("wiring", "ok", f"document {chosen.copy.number} of the cloud rules since {since:%Y-%m-%d %H:%M} UTC")


def _keeper(config: DeviceConfig, root: Path) -> Finding:
    # The kernel's list tells a listener from a socket that a dead one left behind; to connect would oust the agent.
    path = socket_path(config.run)
    if any(line.endswith(f" {path}") for line in (_read(root / "proc/net/unix") or "").splitlines()):
        return Finding("keeper", "ok", "listens for the agent")
    return Finding("keeper", "failed", "is not running", "systemctl start hearthgate-keeper")


def _pins(_config: DeviceConfig, _root: Path) -> Finding:
    try:
        factory = pin_factory()
    except BadPinFactory:
        return Finding(
            "pins", "failed", "no GPIO library works here", "apt install python3-lgpio, or run on a Raspberry Pi"
        )
    return Finding("pins", "ok", f"through {type(factory).__name__}")


def _buses(config: DeviceConfig, _root: Path) -> Finding:
    """A line is there, and every instrument on it answers."""
    if not config.buses:
        return Finding("buses", "ok", "none is wired")
    absent = [bus.device for bus in config.buses if not (config.path.parent / bus.device).exists()]
    if absent:
        cure = "plug the adapter in, or name its file as [[bus]] device"
        return Finding("buses", "failed", f"there is no {', '.join(absent)}", cure)
    status = _ask_agent(config, "; or read them without it: hearthgate-edge meter read")
    wired = [f"{point.name}.{name}" for point in config.points for name in point.instruments]
    faults = {place: why for place, why in status["faults"].items() if place in wired or place.startswith("bus.")}
    if faults:
        listed = ", ".join(f"{place} ({why})" for place, why in sorted(faults.items()))
        return Finding("buses", "failed", f"not read: {listed}", "look at its power, wires and address")
    return Finding("buses", "ok", f"{len(wired)} instruments answer on {', '.join(bus.name for bus in config.buses)}")


def _scanners(config: DeviceConfig, _root: Path) -> Finding:
    """The line of every scanner is open."""
    wired = [scanner.device for point in config.points for scanner in point.scanners.values()]
    if not wired:
        return Finding("scanners", "ok", "none is wired")
    absent = [device for device in wired if not (config.path.parent / device).exists()]
    if absent:
        cure = "plug it in, or name its file as device; docs/how-to/scanner-at-a-door.md says how it is found"
        return Finding("scanners", "failed", f"there is no {', '.join(absent)}", cure)
    faults = _ask_agent(config)["faults"]
    down = {place: why for place, why in faults.items() if place.endswith(".scanner")}
    if down:
        listed = ", ".join(f"{place} ({why})" for place, why in sorted(down.items()))
        cure = "give the agent leave to open it: docs/how-to/scanner-at-a-door.md"
        return Finding("scanners", "failed", f"not read: {listed}", cure)
    return Finding("scanners", "ok", f"{', '.join(wired)} {'is' if len(wired) == 1 else 'are'} open")


def _banks(config: DeviceConfig, _root: Path) -> Finding:
    """A contactor does as it is told, as its auxiliary contact says."""
    banks = [point.name for point in config.points if "feedback" in config.kinds[point.name].inputs]
    if not banks:
        return Finding("banks", "ok", "none is wired")
    points = _ask_agent(config)["points"]
    faults = {name: points[name]["faults"] for name in banks if name in points}
    listed = ", ".join(f"{name} ({', '.join(wrong)})" for name, wrong in faults.items() if wrong)
    if listed:
        cure = (
            "mend contactor and contact, then clear it there with a card that may: docs/how-to/one-charging-socket.md"
        )
        return Finding("banks", "failed", f"held off: {listed}", cure)
    return Finding("banks", "ok", f"{', '.join(banks)} follow their coils")


def _posts(config: DeviceConfig, _root: Path) -> Finding:
    """Every charging post has a password to connect with, and an address to connect to."""
    names = sorted({line.post for point in config.points for line in point.lines.values()})
    if not names:
        return Finding("posts", "ok", "none is wired")
    password = passwords_in(config.keys)
    without = [name for name in names if password(name) is None]
    if without:
        cure = f"hearthgate-edge ocpp add {without[0]}, and type it into the post"
        return Finding("posts", "warning", f"no password yet: {', '.join(without)}", cure)
    if deaf := _ask_agent(config)["faults"].get("ocpp", ""):
        return Finding("posts", "failed", f"nobody can connect: {deaf}", "correct [ocpp] listen, and restart the agent")
    return Finding("posts", "ok", f"{', '.join(names)} may connect")


def _emergency_inputs(config: DeviceConfig, _root: Path) -> Finding:
    """A zone is watched by its fire panel's loop; where things charge, by a smoke detector too."""
    wired = {emergency.zone: emergency for emergency in config.emergencies}
    unwatched = sorted({point.zone for point in config.points} - wired.keys())
    if unwatched:
        return Finding("emergency_inputs", "warning", f"nothing tells of a fire in {', '.join(unwatched)}", FIRE_HOW_TO)
    charging = {point.zone for point in config.points if config.kinds[point.name].instruments}
    smokeless = sorted(zone for zone in charging if wired[zone].smoke is None)
    if smokeless:
        text = f"no smoke input is wired in {', '.join(smokeless)}, where things charge"
        return Finding("emergency_inputs", "warning", text, FIRE_HOW_TO)
    alike = sorted(zone for zone, emergency in wired.items() if emergency.confirm is None)
    doubt = f"; a cut wire reads like a fire in {', '.join(alike)}, for no second contact is wired" if alike else ""
    return Finding("emergency_inputs", "ok", f"wired in {', '.join(sorted(wired))}{doubt}")


def _emergency(config: DeviceConfig, _root: Path) -> Finding:
    causes: dict[str, str] = _ask_agent(config)["causes"]
    broken = sorted(zone for zone, cause in causes.items() if cause == "loop_broken")
    if broken:
        text = f"the fire loop of {', '.join(broken)} is broken: its doors stand free, what charged is cut"
        return Finding("emergency", "failed", text, "mend the wire, then turn the reset key")
    if causes:
        listed = ", ".join(f"{zone} ({cause})" for zone, cause in sorted(causes.items()))
        return Finding("emergency", "warning", f"in force: {listed}", "a person on site ends it, once it is over")
    return Finding("emergency", "ok", "none is in force")


def _strict_gpiod(_config: DeviceConfig, root: Path) -> Finding:
    text = _read(root / "boot/firmware/config.txt")
    if text is None:
        return Finding(
            "strict_gpiod", "warning", "no /boot/firmware/config.txt", "on a Raspberry Pi, add dtparam=strict_gpiod"
        )
    if re.search(r"^\s*dtparam=.*\bstrict_gpiod\b(?!=off)", text, re.MULTILINE):
        return Finding("strict_gpiod", "ok", "the kernel lets go of a dead process's pins")
    return Finding(
        "strict_gpiod",
        "failed",
        "the kernel keeps a dead process's pins driven",
        "add dtparam=strict_gpiod to config.txt",
    )


def _watchdog(_config: DeviceConfig, root: Path) -> Finding:
    text = _read(root / "etc/systemd/system.conf") or ""
    extra = "".join(path.read_text() for path in sorted((root / "etc/systemd/system.conf.d").glob("*.conf")))
    limits = re.findall(r"^\s*RuntimeWatchdogSec=(\d+)s?\s*$", text + "\n" + extra, re.MULTILINE)
    cure = f"set RuntimeWatchdogSec={MAX_WATCHDOG_S} in /etc/systemd/system.conf.d/hearthgate.conf"
    if not limits or int(limits[-1]) == 0:
        return Finding("watchdog", "failed", "the hardware watchdog is off", cure)
    if int(limits[-1]) > MAX_WATCHDOG_S:
        return Finding("watchdog", "failed", f"the hardware watchdog waits {limits[-1]} s", cure)
    return Finding("watchdog", "ok", f"resets the board after {limits[-1]} s without a sign of life")


def _parking(_config: DeviceConfig, root: Path) -> Finding:
    units = [root / folder / "hearthgate-keeper.service" for folder in ("etc/systemd/system", "usr/lib/systemd/system")]
    if any("ExecStopPost=" in (_read(unit) or "") for unit in units):
        return Finding("parking", "ok", "systemd puts the pins to rest after the keeper")
    return Finding("parking", "failed", "nobody parks the pins after the keeper", "install hearthgate-keeper.service")


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


CHECKS: tuple[Callable[[DeviceConfig, Path], Finding], ...] = (
    _folders,
    _keys,
    _certificate,
    _cloud,
    _journal,
    _wiring,
    _pins,
    _keeper,
    _buses,
    _scanners,
    _banks,
    _posts,
    _emergency_inputs,
    _emergency,
    _strict_gpiod,
    _watchdog,
    _parking,
)
OF_THE_BOARD = (_pins, _strict_gpiod, _watchdog, _parking)
"""What is looked for on the Raspberry Pi itself: where the pins are simulated, this machine need not have it."""
