"""The agent as a process: its broker, its status for whoever asks, and its life from start to SIGTERM."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contract.events import decode_event
from edge.config.device_config import DeviceConfig
from edge.config.wiring import Wirings
from edge.device.process import broker_of, run_agent
from edge.identity.credentials import Credentials
from edge.identity.identity import IdentityError
from edge.journal.journal import Journal, JournalError, JournalView
from edge.machine.clock import DeviceClock
from tests.edge.support.rig import GATES, load
from tests.edge.support.waiting import until
from tests.services import Ear, listening

HERE = GATES.replace('state = "."', 'state = "state"\nkeys = "keys"\nrun = "run"').replace("1883", "9")
"""A device whose broker never answers: port 9 is for discarding."""
PATIENCE_S = 20.0
KINDS_OF_A_LIFE = ["device.started", "device.stopped"]


def with_broker(folder: Path, address: str) -> DeviceConfig:
    return load(folder, HERE.replace("mqtt://127.0.0.1:9", address))


def clock(folder: Path) -> DeviceClock:
    return DeviceClock(folder / "clock.json", boot="b1")


def test_a_broker_on_loopback_needs_no_tls_and_has_its_usual_port(tmp_path: Path) -> None:
    found = broker_of(with_broker(tmp_path, "mqtt://127.0.0.1"), clock(tmp_path))
    assert (found.host, found.port, found.tls) == ("127.0.0.1", 1883, None)


def test_a_broker_elsewhere_is_spoken_to_in_tls_with_the_files_in_the_folder_of_keys(tmp_path: Path) -> None:
    config = with_broker(tmp_path, "mqtts://mqtt.example.org")
    found = broker_of(config, clock(tmp_path))
    assert (found.host, found.port) == ("mqtt.example.org", 8883)
    assert isinstance(found.tls, Credentials)
    assert found.tls.folder == config.keys


@asynccontextmanager
async def living(config: DeviceConfig) -> AsyncIterator[Path]:
    """An agent in this process, ended as systemd ends it. Yields the socket of its status."""
    life = asyncio.create_task(run_agent(Wirings(config)))
    socket = config.run / "agent.sock"
    await until(lambda: socket.exists() or life.done())
    try:
        yield socket
    finally:
        if not life.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(life, 30)


async def asked(socket: Path) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(socket)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return dict(json.loads(answer))


def kinds(config: DeviceConfig) -> list[str]:
    with JournalView(config.state / "journal.db") as journal:
        return [decode_event(row.stored).kind for row in journal.tail(100)]


def test_an_agent_alone_in_the_world_answers_and_ends_when_told(tmp_path: Path) -> None:
    config = load(tmp_path, HERE)

    async def story() -> None:
        async with living(config) as socket:
            assert socket.stat().st_mode & 0o777 == 0o600
            status = await asked(socket)
            assert (status["device"], status["keeper"], status["link"]["up"]) == ("gates", False, False)
            assert (await asked(socket))["journal"]["last"] == 1
        assert not socket.exists()

    asyncio.run(story())
    assert kinds(config) == KINDS_OF_A_LIFE


def test_an_agent_ends_while_it_waits_for_a_host_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialling, answers, over = threading.Event(), threading.Event(), threading.Event()

    def connect(*_: object, **__: object) -> None:
        dialling.set()
        answers.wait(PATIENCE_S)
        over.set()
        raise TimeoutError

    monkeypatch.setattr("edge.link.mqtt.Client.connect", connect)
    config = load(tmp_path, HERE)

    async def story() -> None:
        async with living(config):
            await until(dialling.is_set)

    try:
        asyncio.run(story())
        assert not over.is_set()
    finally:
        answers.set()
    assert over.wait(PATIENCE_S)
    assert kinds(config) == KINDS_OF_A_LIFE


def test_the_next_life_knows_that_the_last_one_ended_well(tmp_path: Path) -> None:
    config = load(tmp_path, HERE)

    async def story() -> None:
        for _ in range(2):
            async with living(config):
                pass

    asyncio.run(story())
    assert kinds(config) == 2 * KINDS_OF_A_LIFE
    with JournalView(config.state / "journal.db") as journal:
        started = [event for row in journal.tail(9) if (event := decode_event(row.stored)).kind == "device.started"]
    assert [event.data["clean"] for event in started] == [True, True]


def test_whoever_asks_and_hangs_up_at_once_harms_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        async with living(load(tmp_path, HERE)) as socket:
            for _ in range(20):
                _, writer = await asyncio.open_unix_connection(socket)
                writer.transport.abort()
            assert (await asked(socket))["device"] == "gates"

    asyncio.run(story())


def test_a_status_socket_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    config = load(tmp_path, HERE)
    config.run.mkdir()
    (config.run / "agent.sock").touch()

    async def story() -> None:
        async with living(config) as socket:
            await until(socket.is_socket)
            assert (await asked(socket))["device"] == "gates"

    asyncio.run(story())


def test_what_the_user_can_mend_is_raised_before_anything_runs(tmp_path: Path) -> None:
    config = load(tmp_path, HERE)
    config.keys.mkdir()
    (config.keys / "sync.key").write_text("00" * 32)
    with pytest.raises(IdentityError, match=r"roster\.pub missing"):
        asyncio.run(run_agent(Wirings(config)))
    assert not (config.state / "journal.db").exists()


def test_systemd_is_told_of_a_ready_agent_though_no_broker_ever_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "30000")

    async def story(ear: Ear) -> None:
        async with living(load(tmp_path, HERE)):
            assert (await ear.hears(3))[:3] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
        assert "STOPPING=1" in ear.heard()

    with listening(str(tmp_path / "notify")) as ear:
        asyncio.run(story(ear))


def test_an_agent_whose_flush_hangs_no_longer_feeds_the_watchdog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loop goes on: it still answers whoever asks."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "3000")
    hangs, entered, flush = threading.Event(), threading.Event(), Journal.flush

    def hanging(journal: Journal) -> int:
        entered.set()
        hangs.wait()
        return flush(journal)

    monkeypatch.setattr(Journal, "flush", hanging)

    async def story(ear: Ear) -> None:
        async with living(load(tmp_path, HERE)) as status:
            try:
                await until(entered.is_set)
                ear.heard()
                for _ in range(40):
                    assert (await asked(status))["device"] == "gates"
                assert len(ear.heard()) <= 1  # of a pulse that was through before
            finally:
                hangs.set()
            assert (await ear.hears(1))[0] == "WATCHDOG=1"

    with listening(str(tmp_path / "notify")) as ear:
        asyncio.run(story(ear))


def test_an_agent_without_a_usable_journal_is_never_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    config = load(tmp_path, HERE)
    (config.state / "journal.db").mkdir(parents=True)
    with listening(str(tmp_path / "notify")) as ear:
        with pytest.raises(JournalError):
            asyncio.run(run_agent(Wirings(config)))
        assert ear.heard() == []
