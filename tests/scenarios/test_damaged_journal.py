"""A memory card that lies: the journal's end is gone or garbled, and the device goes on from the last whole row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import MEMBER, STRANGER, Gym

PAGE_BYTES = 4096


def _overwrite(journal: Path, at: int, with_bytes: bytes) -> None:
    """Change the file, and lose the WAL beside it: what was in it has long been moved into the file."""
    journal.with_name("journal.db-wal").unlink(missing_ok=True)
    with journal.open("r+b") as file:
        file.seek(at)
        file.write(with_bytes)
        if not with_bytes:
            file.truncate()


def cut_short(state: Path) -> None:
    """The last page was never written."""
    journal = state / "journal.db"
    _overwrite(journal, journal.stat().st_size - PAGE_BYTES, b"")


def garbled(state: Path) -> None:
    """The last page holds something else."""
    journal = state / "journal.db"
    _overwrite(journal, journal.stat().st_size - PAGE_BYTES, b"\xa5" * PAGE_BYTES)


def wiped(state: Path) -> None:
    """Nothing of the file is left but its length."""
    journal = state / "journal.db"
    _overwrite(journal, 0, bytes(journal.stat().st_size))


@pytest.mark.parametrize("damage", [cut_short, garbled, wiped])
@in_virtual_time
async def test_a_damaged_journal_is_replaced_and_says_so_and_the_cloud_goes_on(
    damage: Callable[[Path], Any], tmp_path: Path
) -> None:
    async with Gym(tmp_path) as gym:
        for _ in range(12):
            assert await gym.tries(MEMBER)
        await gym.until(gym.in_step)
        await gym.rest()
        known = gym.arrived()

        gym.reboot(damage)
        await gym.until(gym.in_step)

        (said,) = gym.told("device.journal_recovered")
        assert said.data["why"]
        assert (gym.state / "journal.db.damaged-1").exists()
        assert gym.arrived()[: len(known)] == known
        assert gym.arrived()[len(known)].kind == "device.started"
        assert said in gym.arrived()

        assert await gym.tries(MEMBER)
        assert not await gym.tries(STRANGER)
        await gym.until(gym.in_step)
        assert [event.seq for event in gym.rows()] == list(range(1, len(gym.rows()) + 1))


@in_virtual_time
async def test_rows_the_cloud_had_not_seen_are_carried_over_a_damaged_tail(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        gym.device.link.cut()
        for _ in range(12):
            assert await gym.tries(MEMBER)
        await gym.rest()
        written = gym.rows()

        gym.reboot(garbled)
        gym.device.link.restore()
        await gym.until(gym.in_step)

        (said,) = gym.told("device.journal_recovered")
        kept = [event for event in gym.arrived() if event.boot == written[0].boot]
        assert said.data["lost_from"] == len(kept) + 1
        assert 0 < len(kept) < len(written)
        assert [(event.kind, event.at_ms) for event in kept] == [
            (event.kind, event.at_ms) for event in written[: len(kept)]
        ]


@in_virtual_time
async def test_a_power_cut_that_harms_nothing_is_told_as_such(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        assert await gym.tries(MEMBER)
        last = gym.rows()[-1].seq
        gym.reboot()
        await gym.until(gym.in_step)
        (said,) = gym.told("device.power_cut")
        assert said.data == {"last_durable": last}
        assert gym.told("device.journal_recovered") == []
        assert [event.seq for event in gym.arrived()] == [event.seq for event in gym.rows()]
