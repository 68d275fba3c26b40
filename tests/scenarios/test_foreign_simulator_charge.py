"""A charging post that was not written here charges through a proxy that mistreats its readings.

The post is the simulator of the npm package `ocpp-ws-cli`: its own code decides when it sends what, how its register
grows and when its car is full. The test shows it a card, begins the charge and lets the seconds pass.
"""

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import dev
from firmware_sim.network.post_proxy import PostProxy, ReadingFaults
from tests.edge.support.double_posts import NAME, Post
from tests.edge.support.posts import ANNA, PASSWORD
from tests.scenarios.test_a_stranger_s_charge import MAINS, through_proxy

UNTIL_FULL_S = 900
STEP_WH = 14
"""By how much its register grows between two readings, which are ten seconds apart."""
NO_FAULTS = ReadingFaults(drop=0, hold=0, repeat=0)
ALL_TOGETHER = ReadingFaults(scale=MAINS, reset_after=30)


class Simulator:
    """The post's process, operated by its own keys."""

    def __init__(self, process: Process, post: Post, reports: Path) -> None:
        self._process, self._post, self._reports = process, post, reports

    async def settled(self) -> None:
        """Wait until it has been answered all that it asked."""
        assert self._process.stderr is not None
        line = await self._process.stderr.readline()
        assert line == b"settled\n", line + await self._process.stderr.read()

    async def press(self, key: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(key.encode())
        await self.settled()

    async def pass_second(self) -> None:
        """A second in the time of both sides."""
        self._post.later_ms += 1000
        await self.press(">")

    async def charge_until_full(self) -> None:
        """From the card to the end that it decides on by itself."""
        ended = len(self._post.at[1].told("session.ended"))
        await self.press("a")
        await self.press("t")
        for _ in range(UNTIL_FULL_S):
            await self.pass_second()
            if len(self._post.at[1].told("session.ended")) > ended:
                return
        raise AssertionError("its car was never full")

    async def charge_for(self, seconds: int) -> None:
        """From the card to the end by its key, and until its connector is free again."""
        for key in ("a", "t", *">" * seconds, "e", *">" * 3):
            await (self.pass_second() if key == ">" else self.press(key))

    async def own_register_wh(self) -> float:
        """Leave it, and read what its report says its register has counted."""
        await self.pass_second()
        await self.press("q")
        (report,) = self._reports.glob("*.json")
        return float(json.loads(report.read_text())["metrics"]["finalEnergy"].removesuffix(" Wh"))


@asynccontextmanager
async def simulator_at(
    node: Path, oracles: Path, protocol: str, post: Post, proxy: PostProxy, reports: Path
) -> AsyncIterator[Simulator]:
    """The simulator, connected by way of a proxy."""
    endpoint = f"ws://{NAME}:{PASSWORD}@127.0.0.1:{proxy.port}"
    process = await asyncio.create_subprocess_exec(
        *(str(node), str(dev.ROOT / "tests" / "oracles" / "charge.js"), "simulate", "--endpoint", endpoint),
        *("--identity", NAME, "--id-tag", ANNA, "--protocol", protocol),
        *("--report", "json", "--report-dir", str(reports)),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=PIPE,
        env={**os.environ, "NODE_PATH": str(oracles / "node_modules")},
    )
    try:
        simulator = Simulator(process, post, reports)
        await simulator.settled()
        yield simulator
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize(
    ("protocol", "faults", "done"),
    [
        pytest.param("ocpp1.6", NO_FAULTS, set(), id="plain-1.6"),
        pytest.param("ocpp2.0.1", NO_FAULTS, set(), id="plain-2.0.1"),
        pytest.param("ocpp2.0.1", NO_FAULTS._replace(hold=0.6), {"held"}, id="late-and-queued"),
        pytest.param("ocpp1.6", NO_FAULTS._replace(repeat=0.7), {"repeated"}, id="repeated"),
        pytest.param("ocpp2.0.1", NO_FAULTS._replace(drop=0.7), {"dropped"}, id="dropped"),
        pytest.param("ocpp1.6", NO_FAULTS._replace(scale=MAINS), set(), id="253-V"),
        pytest.param("ocpp1.6", NO_FAULTS._replace(reset_after=30), {"reset"}, id="reset"),
        pytest.param("ocpp1.6", ALL_TOGETHER, {"held", "repeated", "dropped", "reset"}, id="all-together-1.6"),
        pytest.param("ocpp2.0.1", ALL_TOGETHER, {"held", "repeated", "dropped", "reset"}, id="all-together-2.0.1"),
    ],
)
def test_foreign_charge_is_billed_by_its_register(
    node: Path, oracles: Path, tmp_path: Path, protocol: str, faults: ReadingFaults, done: set[str]
) -> None:
    """Billed is what its register counted; of a reset, what is left out is one step of it, and a fault says why."""
    own_wh = 0.0

    async def story(post: Post, proxy: PostProxy) -> None:
        nonlocal own_wh
        async with simulator_at(node, oracles, protocol, post, proxy, tmp_path) as simulator:
            await simulator.charge_until_full()
            own_wh = await simulator.own_register_wh()

    post, proxy = through_proxy(1, faults, story)
    assert set(proxy.readings.done) == done
    drawn_wh = own_wh * faults.scale
    assert drawn_wh > 50 * STEP_WH
    assert proxy.readings.told_wh == pytest.approx(drawn_wh, abs=1)
    (end,) = post.at[1].told("session.ended")
    why = {one["why"] for one in post.at[1].told("ev_post.meter_doubted")}
    if faults.reset_after is None:
        assert why == set()
        assert end["energy_wh"] == pytest.approx(drawn_wh, rel=0.01)
    else:
        assert "reset" in why
        assert drawn_wh - STEP_WH * faults.scale - 1 <= end["energy_wh"] <= drawn_wh + 1


def test_foreign_charges_are_billed_one_by_one(node: Path, oracles: Path, tmp_path: Path) -> None:
    """The register counts on from charge to charge; each is billed from where it began."""
    own_wh = 0.0

    async def story(post: Post, proxy: PostProxy) -> None:
        nonlocal own_wh
        async with simulator_at(node, oracles, "ocpp1.6", post, proxy, tmp_path) as simulator:
            await simulator.charge_for(45)
            await simulator.charge_until_full()
            own_wh = await simulator.own_register_wh()

    post, _ = through_proxy(1, NO_FAULTS, story)
    first, second = (end["energy_wh"] for end in post.at[1].told("session.ended"))
    assert first == 4 * STEP_WH
    assert second == pytest.approx(own_wh - first, rel=0.01)
