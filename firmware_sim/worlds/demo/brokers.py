"""A broker of one's own on this machine: mosquitto where it is installed, else iotcore, which comes as a package.

Both listen on loopback only, let anybody in who is on this machine, keep a bounded amount, and keep nothing on disk:
the journals of the devices are what remembers.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from firmware_sim.worlds.demo.processes import die_with_parent
from firmware_sim.worlds.demo.samples import SAMPLES

Kind = Literal["mosquitto", "iotcore"]

READY_WITHIN_S = 20.0
"""Far beyond what a busy machine needs: mosquitto listens after 10 ms, iotcore after 250 ms."""
STOPS_WITHIN_S = 5.0
LAST_LINES = 5
PORTS_TRIED = 200
_PORTS = range(10_000, 32_768)
"""Linux gives outgoing connections ports from 32768 on, other systems from 49152 on, unless told otherwise."""
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
"""Debian keeps mosquitto outside the search path of an ordinary user."""

MOSQUITTO = SAMPLES / "mosquitto.conf"
IOTCORE = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 4

[v5.1]
name = "loopback"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 5000
max_payload_size = 1048576
max_inflight_count = 200
dynamic_filters = true
"""
UNLIMITED = 0
CONFIG_NAMES: dict[Kind, str] = {"mosquitto": "mosquitto.conf", "iotcore": "iotcore.toml"}
"""iotcore reads the format from the name."""


class BrokerFailed(RuntimeError):
    """The broker did not come up; the text has its own last words."""


class Broker(NamedTuple):
    """A broker that runs as a child process and accepts connections on a port of 127.0.0.1."""

    kind: Kind
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        """End it in good order, within a few seconds. Harmless if it has ended already."""
        self.process.terminate()
        try:
            self.process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


def start_broker(folder: Path, port: int | None = None, kind: Kind | None = None) -> Broker:
    """Start a broker and return once it accepts connections; its config and log lie in `folder`.

    A free port is chosen if none is given, and mosquitto, if it is installed, where no kind is named.
    Raises `BrokerFailed` if the port is taken, or if the broker ends or stays silent.
    """
    kind = kind or ("mosquitto" if find_mosquitto() else "iotcore")
    port = free_port() if port is None else port
    if not is_free(port):
        raise BrokerFailed(f"port {port} is taken by another program; give another port, or end that program")
    command = broker_command(folder, port, kind)
    log = folder / f"{kind}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C reaches only whoever puts the broker to bed
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it is one call of the kernel, and takes no lock
        )
    broker = Broker(kind, port, process, log)
    _wait_until_ready(broker)
    return broker


def broker_command(folder: Path, port: int, kind: Kind, *, max_queued: int = UNLIMITED) -> list[str]:
    """Write a broker's config into `folder`; returns the command that runs it, for whoever starts it himself.

    With `max_queued`, mosquitto drops what more than so many messages would wait for one client; iotcore has no such
    limit. Raises `BrokerFailed` if the broker is not installed.
    """
    program = find_mosquitto()
    if kind == "mosquitto" and program is None:
        raise BrokerFailed("mosquitto is not installed; on Debian: sudo apt install mosquitto")
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / CONFIG_NAMES[kind]
    config.write_text(_config(kind, port, max_queued))
    command = [str(program), "-c"] if kind == "mosquitto" else [sys.executable, "-P", "-m", "iotcore", "--config"]
    return [*command, str(config.absolute())]


def _config(kind: Kind, port: int, max_queued: int) -> str:
    if kind == "iotcore":
        return IOTCORE.format(port=port)
    config = MOSQUITTO.read_text().replace("listener 1883", f"listener {port}")
    config = config.replace("max_queued_messages 0", f"max_queued_messages {max_queued}")
    # Started by root it would become another user, and the kernel then forgets that it is to end with its parent.
    return f"{config}\nuser root\n" if os.geteuid() == 0 else config


def find_mosquitto() -> Path | None:
    """Where mosquitto is installed, if it is."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=":".join(SYSTEM_FOLDERS))
    return Path(found) if found else None


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses, for a program that will listen there later.

    It is drawn from a range of which the kernel gives nothing to connections that go out, so that none of them takes it
    in between, and by chance, so that others who draw at the same time draw others. Raises ``OSError``.
    """
    for _ in range(PORTS_TRIED):
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        if is_free(port):
            return port
    raise OSError(f"no free port among {PORTS_TRIED} from {_PORTS.start} to {_PORTS.stop - 1}")


def listening_from(first: int) -> socket.socket:
    """A socket that listens on the first free port of 127.0.0.1 from this one on.

    Raises ``OSError`` if many in a row are taken.
    """
    for port in range(first, first + PORTS_TRIED):
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
    raise OSError(f"no free port from {first} to {first + PORTS_TRIED - 1}")


def free_port_from(first: int) -> int:
    """The first free port of 127.0.0.1 from this one on, for a program that will listen there. Raises ``OSError``."""
    with listening_from(first) as found:
        return int(found.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a program could listen on this port of 127.0.0.1 now."""
    with suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as brokers do: an ended one may have just left
        probe.bind(("127.0.0.1", port))
        return True
    return False


def _wait_until_ready(broker: Broker) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            broker.process.wait(0.02)
        except subprocess.TimeoutExpired:
            with suppress(OSError), socket.create_connection(("127.0.0.1", broker.port), timeout=0.5):
                return
        else:
            raise BrokerFailed(
                f"{broker.kind} ended with code {broker.process.returncode} on port {broker.port}{_last(broker)}"
            )
    broker.kill()
    raise BrokerFailed(f"{broker.kind} did not listen on port {broker.port} in {READY_WITHIN_S:.0f} s{_last(broker)}")


def _last(broker: Broker) -> str:
    lines = broker.log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:]
    return "".join(f"\n  {line}" for line in lines)
