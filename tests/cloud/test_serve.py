"""The whole cloud on a real broker: from a device's batch to its ack, from a change to a door, and a clean end."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from cloud.cards.store import set_card_standing
from cloud.devices.registry import register
from cloud.keys.folder import FolderUnusable, make_folder, open_folder, sole_server
from cloud.line.broker import parse_address
from cloud.overview.metrics import metrics_token
from cloud.sample import seed_sample
from cloud.serve import serve
from cloud.store.schema import devices, events
from cloud.web.connections import most_connections
from cloud.web.web_server import PortTaken
from contract import codec
from contract.decide import Standing
from contract.messages import Ack, Manifest
from firmware_sim.worlds.demo.brokers import Broker as LocalBroker
from firmware_sim.worlds.demo.brokers import free_port, start_broker
from tests.cloud.support.line import PATIENCE_S, DeviceLine, connected
from tests.cloud.support.sender import Sender
from tests.services import Ear, listening

CLOUD = Path(sys.executable).with_name("hearthgate-cloud")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with make_folder(tmp_path / "cloud") as (store, keys), store.writing() as connection:
        seed_sample(connection, keys, 1_700_000_000_000)
    return tmp_path / "cloud"


def add(folder: Path, sender: Sender) -> None:
    with open_folder(folder) as (store, keys), store.writing() as connection:
        register(connection, sender.name, sender.key.public(), 0)
        keys.make_sync(sender.name)


def limit_descriptors(most: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def running(
    folder: Path, broker: LocalBroker, port: int, descriptors: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    address = f"mqtt://127.0.0.1:{broker.port}"
    started = subprocess.Popen(
        [str(CLOUD), "serve", "-d", str(folder), "--port", str(port), "--broker", address],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=None if descriptors is None else partial(limit_descriptors, descriptors),  # noqa: PLW1509
    )
    assert started.stderr is not None
    said = []
    for line in started.stderr:
        said.append(line)
        if "Application startup complete" in line:
            break
    else:
        pytest.fail("".join(said))
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGTERM)
        started.communicate(timeout=PATIENCE_S)


def next_manifest(device: DeviceLine) -> Manifest:
    return codec.read(codec.detach(device.hear("roster"))[0], Manifest)


def first_manifest(device: DeviceLine, sender: Sender) -> Manifest:
    """A device is sent a roster once it has said which versions it reads: from then on the cloud receives from it."""
    device.publish("state", sender.state(1), retain=True)
    return next_manifest(device)


def next_ack(device: DeviceLine) -> Ack:
    return codec.read(codec.detach(device.hear("ack"))[0], Ack)


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def until_ready(port: int) -> None:
    """It serves pages before the broker has greeted it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(urllib.error.HTTPError):
            assert get(port, "/health/ready") == "ready"
            return
    pytest.fail("the cloud is not ready")


def test_from_batch_to_ack_from_change_to_door_and_a_clean_end(folder: Path, broker: LocalBroker) -> None:
    gym = Sender("gym-turnstile")
    add(folder, gym)
    port = free_port()
    with running(folder, broker, port) as cloud:
        until_ready(port)
        with connected("gym-turnstile", broker.port, will=gym.will(1)) as device:
            first = first_manifest(device, gym)
            gym.record(3)
            device.publish("events", gym.events(1, 3))
            assert next_ack(device).upto == 3
            with open_folder(folder) as (store, _), store.writing() as connection:
                set_card_standing(connection, 5, Standing.LOST)
            while next_manifest(device).number == first.number:  # a manifest may be told twice
                pass
            device.publish("events", b"rubbish")
            gym.record(1)
            device.publish("events", gym.events(4, 4))
            assert next_ack(device).upto == 4
        cloud.send_signal(signal.SIGTERM)
        assert cloud.wait(PATIENCE_S) == 0
    with open_folder(folder) as (store, _), store.reading() as connection:
        assert list(connection.execute(select(events.c.stored).order_by(events.c.seq)).scalars()) == gym.rows
        assert connection.execute(select(devices.c.connection)).scalar_one() == 1


def test_what_a_killed_cloud_acknowledged_is_there_and_the_rest_is_taken_again(
    folder: Path, broker: LocalBroker
) -> None:
    gym = Sender("gym-turnstile")
    add(folder, gym)
    gym.record(400)
    with connected("gym-turnstile", broker.port) as device:
        with running(folder, broker, free_port()) as cloud:
            first_manifest(device, gym)
            for first in range(1, 201, 10):
                device.publish("events", gym.events(first, first + 9))
            acked = next_ack(device).upto
            os.kill(cloud.pid, signal.SIGKILL)
            cloud.wait()
        with open_folder(folder) as (store, _), store.reading() as connection:
            stored = list(connection.execute(select(events.c.stored).order_by(events.c.seq)).scalars())
        assert stored[:acked] == gym.rows[:acked]
        with running(folder, broker, free_port()):
            while not (told := next_ack(device)).rewind:
                pass
            assert told.upto >= acked
            device.publish("events", gym.events(told.upto + 1, 400))
            while next_ack(device).upto < 400:
                pass
    with open_folder(folder) as (store, _), store.reading() as connection:
        assert list(connection.execute(select(events.c.stored).order_by(events.c.seq)).scalars()) == gym.rows


def watched(patch: pytest.MonkeyPatch, address: Path, limit_us: int) -> None:
    """What is started from now on believes that systemd started it."""
    patch.setenv("NOTIFY_SOCKET", str(address))
    patch.setenv("WATCHDOG_USEC", str(limit_us))


def test_systemd_is_told_that_the_cloud_is_ready_moves_and_ends(
    folder: Path, broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched(monkeypatch, tmp_path / "notify", 300_000)
    with listening(str(tmp_path / "notify")) as ear:
        with running(folder, broker, free_port()):
            assert [ear.next() for _ in range(3)] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
        assert ear.heard()[-1] == "STOPPING=1"


def silent_while_it_answers(ear: Ear, port: int) -> bool:
    """Whether systemd hears nothing while the web answers many times over."""
    ear.heard()
    for _ in range(50):
        assert get(port, "/health/live") == "alive"
    return ear.heard() == []


def test_a_cloud_whose_ingest_stands_still_no_longer_feeds_the_watchdog(
    folder: Path, broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the database is locked, so that the thread waits in its transaction."""
    gym = Sender("gym-turnstile")
    add(folder, gym)
    gym.record(1)
    watched(monkeypatch, tmp_path / "notify", 30_000)
    port = free_port()
    with (
        open_folder(folder) as (store, _),
        listening(str(tmp_path / "notify")) as ear,
        running(folder, broker, port),
        connected("gym-turnstile", broker.port) as device,
    ):
        first_manifest(device, gym)
        assert not silent_while_it_answers(ear, port)
        with store.writing():
            device.publish("events", gym.events(1, 1))
            assert any(silent_while_it_answers(ear, port) for _ in range(20))
        while ear.next() != "WATCHDOG=1":
            pass


def test_the_faults_of_every_thread_are_counted(folder: Path, broker: LocalBroker) -> None:
    port = free_port()
    with running(folder, broker, port):
        token = metrics_token(folder / "keys")
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            counted = re.findall(r'hearthgate_failures_total\{thread="(\w+)"\} 0\.0', answer.read().decode())
    threads = "audit_tip broker card_uses enrolments ingest lender lookout modes publisher redecide reminder renewals"
    threads += " calls case_watch channels"
    assert set(counted) == {*threads.split(), "counters", "permits", "retention", "riders", "rolling", "zone_news"}


def test_idle_strangers_stop_neither_ingest_nor_console(folder: Path, broker: LocalBroker, tmp_path: Path) -> None:
    """With 64 descriptors and four times as many idle connections as there is room for, the broker is found again."""
    gym = Sender("gym-turnstile")
    add(folder, gym)
    gym.record(1)
    port = free_port()
    with running(folder, broker, port, descriptors=64) as cloud, ExitStack() as held:
        for _ in range(4 * most_connections(64)):
            held.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
        broker.stop()
        again = start_broker(tmp_path / "again", broker.port, kind="mosquitto")
        held.callback(again.stop)
        with connected("gym-turnstile", again.port) as device:
            first_manifest(device, gym)
            device.publish("events", gym.events(1, 1))
            assert next_ack(device).upto == 1
        assert get(port, "/health/ready") == "ready"
        cloud.send_signal(signal.SIGTERM)
        assert cloud.stderr
        assert "Too many open files" not in cloud.stderr.read()


def test_two_servers_on_one_folder_are_refused(folder: Path) -> None:
    address = parse_address("mqtt://127.0.0.1:1")
    with sole_server(folder), pytest.raises(FolderUnusable, match="another server"):
        serve(folder, address, "127.0.0.1", free_port(), demo=False)


def test_a_taken_port_is_named(folder: Path, broker: LocalBroker) -> None:
    with pytest.raises(PortTaken, match=str(broker.port)):
        serve(folder, parse_address("mqtt://127.0.0.1:1"), "127.0.0.1", broker.port, demo=False)


def test_a_folder_without_a_community_is_named_with_the_cure_and_left_as_it_is(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with (
            pytest.raises(FolderUnusable, match="holds no community: make one with hearthgate-cloud init"),
            sole_server(folder),
        ):
            pass
    assert list(tmp_path.iterdir()) == []
