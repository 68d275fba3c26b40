"""An installation on which everything is as it should be, until a test spoils it."""

from pathlib import Path
from typing import Any

import pytest

from contract.sealing import DeviceKey
from edge.config.device_config import DeviceConfig, load
from edge.device.doctor import Finding, examine
from edge.journal.journal import Journal
from tests.edge.support.journals import BOOT, write

CONFIG = """\
[device]
site = "sunny-court"
name = "gym"
state = "state"
keys = "keys"
run = "run"
[cloud]
broker = "mqtt://127.0.0.1:1883"

[[point]]
name = "gym"
kind = "door"
zone = "gym"
outputs.lock = { pin = 17, load = "power_to_unlock" }
inputs.contact = { pin = 22 }

[[emergency]]
zone = "gym"
input = { pin = 26, active = "high" }
confirm = { pin = 25 }
reset = { pin = 16 }
"""
KEYS = ("device.key", "digest.key", "sync.key", "roster.pub", "config.pub", "command.pub")


class House:
    """A Raspberry Pi on which everything is as it should be, until a test spoils it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        (folder / "device.toml").write_text(CONFIG)
        self.config: DeviceConfig = load(folder / "device.toml")
        for made in (self.config.state, self.config.keys, self.config.run):
            made.mkdir()
        for name in KEYS:
            self.key(name)
        with Journal(self.journal, boot=BOOT) as journal:
            write(journal, 5)
        self.write("boot/firmware/config.txt", "# a comment\ndtparam=strict_gpiod\n")
        self.write("etc/systemd/system.conf.d/hearthgate.conf", "[Manager]\nRuntimeWatchdogSec=10\n")
        self.write("etc/systemd/system/hearthgate-keeper.service", "ExecStopPost=hearthgate-edge keeper --park\n")
        self.write("proc/net/unix", f"Num RefCount\n0: 2 0 10000 1 1 7 {self.config.run / 'keeper.sock'}\n")

    @property
    def journal(self) -> Path:
        return self.config.state / "journal.db"

    def key(self, name: str, mode: int = 0o600) -> None:
        (self.config.keys / name).write_bytes(DeviceKey.generate().to_pem())
        (self.config.keys / name).chmod(mode)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def wire(self, text: str) -> None:
        self.config.path.write_text(text)
        self.config = load(self.config.path)

    def hear(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An agent answers from now on."""
        banks: dict[str, Any] = {name: {"faults": []} for name in ("bank-a", "bank-b")}
        self.said: dict[str, Any] = {"link": {"up": True}, "causes": {}, "faults": {}, "points": banks}
        monkeypatch.setattr("edge.device.doctor.agent_status", lambda _run: self.said)

    def finding(self, check: str) -> Finding:
        (found,) = [finding for finding in examine(self.config, self.root) if finding.check == check]
        return found
