"""What systemd is told, and that its watchdog starves as soon as one thread stands still."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.time.clock import run_virtual
from service import notify
from tests.services import Ear, listening

LIMIT = {"WATCHDOG_USEC": "30000000"}


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_what_it_is_told(tmp_path: Path, abstract: bool) -> None:
    address = f"@hearthgate-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with listening(address) as ear:
        notify.Systemd({"NOTIFY_SOCKET": address}).tell("READY=1")
        assert ear.heard() == ["READY=1"]


def test_without_systemd_nobody_is_told_and_nothing_fails() -> None:
    notify.Systemd({}).tell("READY=1")
    assert notify.Systemd({}).watchdog_s == 0


def test_a_systemd_that_does_not_listen_is_noted_and_nothing_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notify.Systemd({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).tell("READY=1")
    assert "READY=1" in caplog.text


def test_a_full_socket_is_not_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with listening(str(tmp_path / "notify")):
        systemd = notify.Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        while not caplog.text:
            systemd.tell("WATCHDOG=1")


@pytest.mark.parametrize(
    ("environ", "limit_s"),
    [
        (LIMIT, 30.0),
        (LIMIT | {"WATCHDOG_PID": str(os.getpid())}, 30.0),
        (LIMIT | {"WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({"WATCHDOG_USEC": "-5"}, 0.0),
        ({}, 0.0),
    ],
)
def test_the_watchdog_is_ours_only_if_systemd_says_so(environ: dict[str, str], limit_s: float) -> None:
    assert notify.Systemd(environ).watchdog_s == limit_s


def test_while_all_moves_the_watchdog_is_fed_three_times_a_limit(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")

    async def story(ear: Ear) -> None:
        loop = asyncio.get_running_loop()
        thread = loop.call_soon
        watchdog = notify.Watchdog(notify.Systemd(LIMIT | {"NOTIFY_SOCKET": address}), loop, [thread, thread])
        watchdog.start()
        await asyncio.sleep(79)
        assert ear.heard() == ["WATCHDOG=1"] * 8
        watchdog.close()
        await asyncio.sleep(300)
        assert ear.heard() == []

    with listening(address) as ear:
        run_virtual(story(ear))


def test_unwatched_nothing_is_fed(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")

    async def story(ear: Ear) -> None:
        notify.Watchdog(notify.Systemd({"NOTIFY_SOCKET": address}), asyncio.get_running_loop()).start()
        await asyncio.sleep(300)
        assert ear.heard() == []

    with listening(address) as ear:
        run_virtual(story(ear))


def test_a_thread_that_stands_still_stops_the_feeding_and_holds_one_pulse(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    held: list[Any] = []

    async def story(ear: Ear) -> None:
        loop = asyncio.get_running_loop()
        watchdog = notify.Watchdog(
            notify.Systemd(LIMIT | {"NOTIFY_SOCKET": address}), loop, [loop.call_soon, held.append]
        )
        watchdog.start()
        await asyncio.sleep(3600)
        assert ear.heard() == []
        assert len(held) == 1
        held.pop()()
        await asyncio.sleep(1)
        assert ear.heard() == ["WATCHDOG=1"]
        watchdog.close()

    with listening(address) as ear:
        run_virtual(story(ear))


def test_a_pulse_that_comes_back_after_the_close_feeds_nobody(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    held: list[Any] = []

    async def story(ear: Ear) -> None:
        watchdog = notify.Watchdog(
            notify.Systemd(LIMIT | {"NOTIFY_SOCKET": address}), asyncio.get_running_loop(), [held.append]
        )
        watchdog.start()
        watchdog.close()
        held.pop()()
        await asyncio.sleep(300)
        assert ear.heard() == []

    with listening(address) as ear:
        run_virtual(story(ear))


def test_a_real_executor_that_is_stuck_starves_the_watchdog_until_it_moves_again(tmp_path: Path) -> None:
    """Beside it a second watchdog, which no stuck thread concerns, shows that time goes on."""
    stuck, free = threading.Event(), str(tmp_path / "free")
    address = str(tmp_path / "notify")
    quick = {"WATCHDOG_USEC": "3000"}

    async def story(ear: Ear, beside: Ear) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as flusher, ThreadPoolExecutor(1) as writer:
            watchdog = notify.Watchdog(
                notify.Systemd(quick | {"NOTIFY_SOCKET": address}), loop, [writer.submit, flusher.submit]
            )
            other = notify.Watchdog(notify.Systemd(quick | {"NOTIFY_SOCKET": free}), loop, [writer.submit])
            watchdog.start()
            other.start()
            await ear.hears(5)
            flusher.submit(stuck.wait)
            await beside.hears(20)
            ear.heard()
            await beside.hears(20)
            assert ear.heard() == []
            stuck.set()
            await ear.hears(5)
            watchdog.close()
            other.close()

    with listening(address) as ear, listening(free) as beside:
        asyncio.run(story(ear, beside))


def test_a_pulse_may_come_back_when_the_loop_is_gone(tmp_path: Path) -> None:
    held: list[Any] = []

    async def story() -> None:
        notify.Watchdog(notify.Systemd(LIMIT), asyncio.get_running_loop(), [held.append]).start()

    asyncio.run(story())
    held.pop()()
