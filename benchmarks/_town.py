"""The shipped cloud and its broker as processes, and devices registered with it: what the whole way stands on."""

import json
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

from cloud.devices.registry import register as add_device_row
from cloud.keys.folder import clock, make_folder, open_folder
from cloud.sample import seed_sample
from cloud.web.auth import Authenticator, Role
from edge.config.device_config import DeviceConfig
from edge.identity.identity import Identity
from firmware_sim.worlds.demo.brokers import Broker, find_mosquitto, free_port, start_broker
from firmware_sim.worlds.demo.community import write_config
from firmware_sim.worlds.demo.processes import scripts

READY_WITHIN_S = 30.0


class Town:
    """``cloud`` is the process; ``folder`` has ``cloud`` for its community and one folder for each device."""

    def __init__(self, folder: Path, broker: Broker, cloud: subprocess.Popen[bytes], port: int) -> None:
        self.folder, self.broker, self.cloud, self.port = folder, broker, cloud, port
        self.url = f"http://127.0.0.1:{port}"


def require_mosquitto() -> None:
    """Ends the benchmark with one line, before anything is measured, where the broker of its figures is missing."""
    if find_mosquitto() is None:
        what = "mosquitto is not installed, and these figures are measured through it: sudo apt install mosquitto"
        print(what, file=sys.stderr)
        sys.exit(2)


@contextmanager
def town(folder: Path) -> Iterator[Town]:
    """Serve the community in ``folder / "cloud"`` over a broker of its own, until the block ends."""
    broker, port = start_broker(folder / "broker", kind="mosquitto"), free_port()
    command = [scripts("hearthgate-cloud"), "serve", "--dir", str(folder / "cloud"), "--port", str(port)]
    with (folder / "cloud.log").open("wb") as log:
        cloud = subprocess.Popen([*command, "--broker", f"mqtt://127.0.0.1:{broker.port}"], stdout=log, stderr=log)
    try:
        _await_ready(port)
        yield Town(folder, broker, cloud, port)
    finally:
        cloud.terminate()
        cloud.wait()
        broker.stop()


def found_sample(folder: Path) -> str:
    """Found Sunny Court in ``folder / "cloud"``; returns the password of its operator ``admin``."""
    password = secrets.token_urlsafe(12)
    with make_folder(folder / "cloud") as (store, keys):
        with store.writing() as connection:
            seed_sample(connection, keys, clock())
        Authenticator(store, clock).add_operator("admin", password, Role.ADMIN, "setup")
    return password


def log_in(here: Town, password: str) -> str:
    """The token of a login of the operator ``admin``."""
    body = json.dumps({"name": "admin", "password": password}).encode()
    asked = urllib.request.Request(f"{here.url}/api/v1/login", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return str(json.load(answer)["token"])


def add_device(folder: Path, name: str, sample: str, zone: str, sample_name: str, broker_port: int) -> DeviceConfig:
    """The config of a device of the sample, registered, with its keys in place."""
    config = write_config(folder / name, name, sample, zone, sample_name, broker_port)
    register(folder, name, Identity(config.keys).public_key, config.keys)
    return config


def register(folder: Path, name: str, public_key: str, keys: Path) -> None:
    """Register a device with the community in ``folder / "cloud"``; what it needs of it is written to ``keys``."""
    with open_folder(folder / "cloud") as (store, held):
        with store.writing() as connection:
            add_device_row(connection, name, bytes.fromhex(public_key), clock())
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        held.hand_out(name, keys)


def _await_ready(port: int) -> None:
    deadline = monotonic() + READY_WITHIN_S
    while monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):
            return
        sleep(0.05)
    raise TimeoutError("the cloud did not come up")
