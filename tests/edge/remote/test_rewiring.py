"""A wiring that is asked for: judged, waited for, tried, kept or given up. The stories are told with the gates."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from contract.messages import Desired
from contract.sealing import wiring_hash
from edge.config.device_config import ConfigError
from edge.config.wiring import DROPPED, ActiveWiring, AgentRun, Trial, Wirings
from edge.remote.rewiring import (
    DISK_AGAIN_S,
    OWN_FILE,
    READING,
    SAY_AGAIN_S,
    STEADY_S,
    TRIAL_S,
    Health,
    Rewire,
    Rewiring,
    broken,
    lacking,
)
from tests.edge.support.rig import GATES, load
from tests.edge.support.runtimes import runtime
from tests.firmware_sim.support.story import in_virtual_time

NEW = GATES.replace("[[emergency]]", "[point.settings]\nunlock_ms = 9000\n\n[[emergency]]")
NAME = wiring_hash(NEW.encode())
TRIAL = Trial(7, 3, link_was_up=True)
WELL = Health(True, "", 0, [], [], 0, 3, True)


def desired(wiring: str = NEW, number: int = 7) -> Desired:
    return Desired("gates", number, 0, {}, wiring, wiring_hash(wiring.encode()) if wiring else "")


class Bench:
    """A rewiring whose surroundings are whatever a test says they are."""

    def __init__(self, folder: Path, *, trial: Trial | None = None, can_start_over: bool = True) -> None:
        self.wirings = Wirings(load(folder, GATES))
        if trial is not None:
            self.wirings.begin(NEW, trial.number, 0)
        chosen = self.wirings.on_trial() if trial else ActiveWiring(self.wirings.local)
        self.begun: list[Trial | None] = []
        self.told: list[tuple[str, bool]] = []
        self.recorded: list[dict[str, Any]] = []
        self.why = ""
        self.health = WELL
        rewire = Rewire(self.wirings, AgentRun(chosen, trial), self.begun.append)
        self.rewiring = Rewiring(
            runtime(self, lambda _point, _kind, data: self.recorded.append(data)),
            chosen.config.hash,
            rewire if can_start_over else None,
            quiet=lambda: self.why,
            health=lambda: self.health,
        )
        self.rewiring.on_change = self._told
        self.wanted = desired()
        self.rewiring.start()

    def now_ms(self) -> int:
        return 1_795_363_200_000

    def want(self, wanted: Desired) -> None:
        self.wanted = wanted
        self.rewiring.want(wanted)

    def is_applied(self) -> bool:
        return self.wirings.record.applied is not None

    @property
    def verdict(self) -> tuple[str, str]:
        return self.rewiring.verdict(self.wanted)

    def _told(self, event: bool) -> None:
        self.told.append((self.verdict[0], event))


@in_virtual_time
async def test_the_wiring_in_force_is_applied_and_nothing_is_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for wanted in (desired(""), desired(GATES), desired(GATES, 8)):
        bench.want(wanted)
        await asyncio.sleep(TRIAL_S)
        assert (bench.verdict, bench.begun) == (("applied", ""), [])


@in_virtual_time
async def test_a_document_that_was_not_taken_yet_waits_for_the_disk(tmp_path: Path) -> None:
    assert Bench(tmp_path).verdict == ("waiting", "The disk has not taken it yet.")


@in_virtual_time
async def test_what_is_not_sound_is_refused_with_its_sentence(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.want(replace(desired(), wiring_hash="0" * 16))
    assert bench.verdict == ("refused", "The wiring is not the one that its hash names.")
    bench.want(desired(NEW.replace("pin = 17", "pin = 5")))
    assert bench.verdict == ("waiting", READING)
    await asyncio.sleep(0.1)
    assert (bench.verdict[0], bench.told) == ("refused", [("refused", True)])
    assert (
        "the wiring from the cloud:12: point[0].outputs.lock.pin: " in bench.verdict[1] or "pin 5" in bench.verdict[1]
    )
    bench.wirings.begin(NEW, 6, 0)
    bench.wirings.commit(0)
    bench.wirings.drop()
    bench.want(desired())
    assert bench.verdict == ("reverted", DROPPED)
    assert bench.begun == []


@in_virtual_time
async def test_a_device_that_cannot_start_over_keeps_its_own_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path, can_start_over=False)
    bench.want(desired())
    assert bench.verdict == ("refused", OWN_FILE)
    bench.want(desired(""))
    assert bench.verdict == ("applied", "")


@in_virtual_time
async def test_it_waits_for_a_quiet_moment_and_tells_of_it_once_a_minute(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.why = "Waits for somebody."
    bench.want(desired())
    await asyncio.sleep(0.1)
    assert bench.verdict == ("waiting", "Waits for somebody.")
    assert bench.told == [("waiting", True)]
    bench.told.clear()
    await asyncio.sleep(SAY_AGAIN_S + 5)
    for second in range(150):
        bench.why = f"Waits for somebody else ({second})."
        await asyncio.sleep(1)
    assert [event for _, event in bench.told] == [False] * 3
    bench.why = ""
    await asyncio.sleep(2)
    assert bench.begun == [Trial(7, 3, link_was_up=True)]
    assert bench.told[-1] == ("trying", True)
    assert bench.wirings.record.trial is not None


@in_virtual_time
async def test_a_long_text_is_read_off_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sealed wiring may be long to read, and somebody may stand at the door. An older text that has been read holds
    up no newer document."""
    bench = Bench(tmp_path)
    disk: list[tuple[asyncio.Future[None], Any, tuple[Any, ...]]] = []

    def slowly(_executor: object, act: Any, *arguments: Any) -> "asyncio.Future[None]":
        read: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        disk.append((read, act, arguments))
        return read

    with monkeypatch.context() as slow:
        slow.setattr(asyncio.get_running_loop(), "run_in_executor", slowly)
        bench.want(desired())
        await asyncio.sleep(10)
        assert (bench.verdict, bench.begun) == (("waiting", READING), [])
        bench.want(desired(NEW.replace("9000", "9001"), 8))
        ((first, _, _), (second, act, arguments)) = disk
        first.set_exception(ConfigError("nobody asks any more"))
        await asyncio.sleep(1)
        assert (bench.verdict, arguments) == (("waiting", READING), (bench.wanted.wiring,))
        second.set_result(act(*arguments))
        await asyncio.sleep(1)
    assert bench.begun == [Trial(8, 3, link_was_up=True)]


@in_virtual_time
async def test_a_newer_document_takes_the_place_of_one_that_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.why = "Waits for somebody."
    bench.want(desired())
    bench.want(desired("", 8))
    bench.why = ""
    await asyncio.sleep(TRIAL_S)
    assert (bench.verdict, bench.begun) == (("applied", ""), [])


@in_virtual_time
async def test_a_disk_that_takes_nothing_is_offered_it_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / "config").write_text("in the way")
    bench.want(desired())
    await asyncio.sleep(1)
    assert (bench.verdict, bench.begun) == (("waiting", "The disk does not take it: File exists."), [])
    (tmp_path / "config").unlink()
    await asyncio.sleep(DISK_AGAIN_S + 1)
    assert len(bench.begun) == 1


@in_virtual_time
async def test_a_trial_is_kept_after_some_good_seconds_in_a_row(tmp_path: Path) -> None:
    bench = Bench(tmp_path, trial=TRIAL)
    bench.want(desired())
    assert bench.verdict == ("trying", "")
    bench.health = replace(WELL, link=False)
    await asyncio.sleep(TRIAL_S / 2)
    bench.health = WELL
    await asyncio.sleep(STEADY_S - 1)
    assert not bench.is_applied()
    await asyncio.sleep(2)
    assert bench.is_applied()
    assert (bench.verdict, bench.told, bench.begun) == (("applied", ""), [("applied", True)], [])


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (replace(WELL, keeper=False), "The keeper was not heard."),
        (replace(WELL, unread=["east"]), "Nothing was heard of east."),
        (replace(WELL, roster=2), "The roster was not loaded."),
        (replace(WELL, link=False), "The cloud was not reached any more."),
    ],
)
@in_virtual_time
async def test_what_is_still_lacking_after_a_minute_ends_the_trial(tmp_path: Path, found: Health, why: str) -> None:
    assert (lacking(found, TRIAL), broken(found)) == (why, "")
    bench = Bench(tmp_path, trial=TRIAL)
    bench.want(desired())
    bench.health = found
    await asyncio.sleep(TRIAL_S - 2)
    assert bench.begun == []
    await asyncio.sleep(3)
    assert bench.begun == [None]
    assert bench.recorded == [{"status": "reverted", "number": 7, "why": why}]
    assert bench.wirings.ended(NAME, 7) == why


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (replace(WELL, refused="GPIO21 is busy."), "GPIO21 is busy."),
        (replace(WELL, failures=1), "The device had an internal error."),
        (replace(WELL, keeper_losses=1), "The keeper stopped."),
        (replace(WELL, emergencies=["estate"]), "An emergency began in estate."),
    ],
)
@in_virtual_time
async def test_what_no_waiting_mends_ends_the_trial_at_once(tmp_path: Path, found: Health, why: str) -> None:
    bench = Bench(tmp_path, trial=TRIAL)
    bench.health = found
    await asyncio.sleep(1.5)
    assert (bench.begun, bench.wirings.ended(NAME, 7)) == ([None], why)


@in_virtual_time
async def test_what_was_away_before_is_not_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, trial=Trial(7, 0, link_was_up=False))
    bench.health = replace(WELL, link=False, roster=0)
    await asyncio.sleep(STEADY_S + 2)
    assert bench.is_applied()


@in_virtual_time
async def test_a_trial_that_the_disk_does_not_keep_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, trial=TRIAL)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.config.wiring.write_whole", full)
    await asyncio.sleep(2 * TRIAL_S)
    assert bench.begun == [None]
    assert bench.wirings.ended(NAME, 7) == "The disk does not take it: No space left on device."


@in_virtual_time
async def test_the_end_of_the_agent_ends_all_looking(tmp_path: Path) -> None:
    bench = Bench(tmp_path, trial=TRIAL)
    bench.rewiring.close()
    await asyncio.sleep(2 * TRIAL_S)
    assert (bench.begun, bench.wirings.record.applied) == ([], None)
