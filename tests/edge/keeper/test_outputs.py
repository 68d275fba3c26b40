"""Outputs that fall back to rest by themselves."""

import asyncio

import pytest

from edge.config.tables import Level, Output
from edge.keeper.outputs import LeasedOutput
from firmware_sim.board.board import Board
from firmware_sim.parts.relay import Relay
from tests.firmware_sim.support.story import in_virtual_time

PIN = 17


class Wired:
    """One leased output, the relay behind it, and what was heard of leases that ran out."""

    def __init__(self, relay: Level) -> None:
        loop = asyncio.get_running_loop()
        self.energized = relay == "high"
        self.board = Board(loop, seed=1, pulls={PIN: "down" if self.energized else "up"})
        self.relay = Relay(self.board, pin=PIN, active_high=self.energized)
        self.pulls: list[bool] = []
        self.relay.pulled.watch(self.pulls.append)
        self.expired: list[LeasedOutput] = []
        wiring = Output(pin=PIN, load="power_to_unlock", relay=relay)
        self.output = LeasedOutput(self.board.factory().pin(PIN), wiring, loop, self.expired.append)

    @property
    def driven(self) -> bool:
        return self.board.pin(PIN).level == self.energized


both_relays = pytest.mark.parametrize("relay", ["high", "low"])


@both_relays
@in_virtual_time
async def test_an_output_is_at_rest_from_the_moment_it_is_taken(relay: Level) -> None:
    wired = Wired(relay)
    assert not wired.driven
    await asyncio.sleep(1)
    assert wired.pulls == []


@both_relays
@in_virtual_time
async def test_a_lease_ends_by_itself_and_says_so(relay: Level) -> None:
    wired = Wired(relay)
    wired.output.drive(6_000)
    await asyncio.sleep(5.999)
    assert (wired.driven, wired.output.driven, wired.expired) == (True, True, [])
    await asyncio.sleep(0.002)
    after = (wired.driven, wired.output.driven, wired.expired)
    assert after == (False, False, [wired.output])


@in_virtual_time
async def test_a_renewed_lease_counts_from_its_renewal() -> None:
    wired = Wired("high")
    wired.output.drive(1_000)
    await asyncio.sleep(0.9)
    wired.output.drive(1_000)
    await asyncio.sleep(0.9)
    assert wired.expired == []
    await asyncio.sleep(0.2)
    assert not wired.driven
    assert len(wired.expired) == 1


@in_virtual_time
async def test_a_lease_may_be_renewed_to_end_sooner() -> None:
    wired = Wired("high")
    wired.output.drive(10_000)
    wired.output.drive(500)
    await asyncio.sleep(0.6)
    assert not wired.driven


@in_virtual_time
async def test_an_output_put_to_rest_has_no_lease_to_run_out() -> None:
    wired = Wired("high")
    wired.output.drive(1_000)
    wired.output.rest()
    assert not wired.driven
    await asyncio.sleep(2)
    assert wired.expired == []


@in_virtual_time
async def test_an_emergency_holds_without_a_lease_even_one_that_runs() -> None:
    wired = Wired("high")
    wired.output.drive(1_000)
    wired.output.hold()
    await asyncio.sleep(3_600)
    assert (wired.driven, wired.expired) == (True, [])


@both_relays
@in_virtual_time
async def test_a_closed_output_floats_and_its_pull_keeps_it_at_rest(relay: Level) -> None:
    wired = Wired(relay)
    wired.output.drive(1_000)
    wired.output.close()
    assert not wired.driven
    assert wired.board.pin(PIN).output is None
    await asyncio.sleep(2)
    assert wired.expired == []
