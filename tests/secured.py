"""A community's broker as `hearthgate-cloud broker-config` writes it: TLS 1.3, certificates, rights by name."""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cloud.fleet.broker_config import SCRIPT, BrokerPlace, write_broker, write_revocations
from cloud.keys.ca import Authority, Revoked, open_authority
from cloud.keys.keys import KeyFolder
from contract.sealing import DeviceKey
from firmware_sim.worlds.demo.brokers import free_port

SITE = "sunny-court"
READY_WITHIN_S = 20.0


def now_ms() -> int:
    """Real time: it is what the broker and OpenSSL go by."""
    return time.time_ns() // 1_000_000


class Secured:
    """The folder, the authority, and mosquitto on a free port of 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.keys = KeyFolder.create(folder / "keys")
        self.authority = open_authority(self.keys.folder, now_ms())
        self.place = BrokerPlace(str(folder / "broker"), ("127.0.0.1",), free_port())
        write_broker(self.place, self.authority, SITE, [], now_ms(), "127.0.0.1")

    @property
    def port(self) -> int:
        return self.place.port

    @contextmanager
    def running(self) -> Iterator["Secured"]:
        script = Path(self.place.folder) / SCRIPT
        with subprocess.Popen(["sh", script], stderr=subprocess.DEVNULL) as process:
            try:
                self._wait(process)
                yield self
            finally:
                process.terminate()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=0.5).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the broker did not come up")

    def revoke(self, revoked: Sequence[Revoked]) -> None:
        write_revocations(self.place, self.authority, revoked, now_ms())

    def adopt(self, name: str, folder: Path, *, authority: Authority | None = None, at_ms: int | None = None) -> str:
        """A device's folder of keys as adoption leaves it; returns the serial number of its certificate."""
        folder.mkdir(parents=True, exist_ok=True)
        key = DeviceKey.generate()
        issued = (authority or self.authority).device(name, key.public(), now_ms() if at_ms is None else at_ms)
        (folder / "device.key").write_bytes(key.to_pem())
        (folder / "device.key").chmod(0o600)
        (folder / "certificate.pem").write_text(issued.certificate)
        (folder / "ca.crt").write_text(self.authority.certificate)
        return issued.serial
