"""A memory card that lies: the journal's end is gone or garbled, and the device goes on from the last whole row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.firmware_sim.story import in_virtual_time
from tests.scenarios.estate import MEMBER, STRANGER, Estate, in_step

PAGE_BYTES = 4096


def _overwrite(journal: Path, at: int, with_bytes: bytes) -> None:
    """Change the file, and lose the WAL beside it: what was in it has long been moved into the file."""
    journal.with_name("journal.db-wal").unlink()
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
    async with Estate(tmp_path) as estate:
        gym = await estate.gateway()
        for _ in range(12):
            assert await gym.tries(MEMBER)
        await estate.until(lambda: in_step(gym))
        await gym.rest()
        known = estate.cloud.events()

        gym = estate.reboot(gym, damage)
        await estate.until(lambda: in_step(gym))

        (said,) = gym.told("device.journal_recovered")
        assert said.data["why"]
        assert (gym.journal.parent / "journal.db.damaged-1").exists()
        assert estate.cloud.events()[: len(known)] == known
        assert estate.cloud.events()[len(known)].kind == "device.started"
        assert said in estate.cloud.events()

        assert await gym.tries(MEMBER)
        assert not await gym.tries(STRANGER)
        await estate.until(lambda: in_step(gym))
        assert [event.seq for event in gym.rows()] == list(range(1, len(gym.rows()) + 1))


@in_virtual_time
async def test_rows_the_cloud_had_not_seen_are_carried_over_a_damaged_tail(tmp_path: Path) -> None:
    async with Estate(tmp_path) as estate:
        gym = await estate.gateway()
        gym.link.cut()
        for _ in range(12):
            assert await gym.tries(MEMBER)
        await gym.rest()
        written = gym.rows()

        gym = estate.reboot(gym, garbled)
        await estate.until(lambda: in_step(gym))

        (said,) = gym.told("device.journal_recovered")
        kept = [event for event in estate.cloud.events() if event.boot == "b0000001"]
        assert said.data["lost_from"] == len(kept) + 1
        assert 0 < len(kept) < len(written)
        assert [(event.kind, event.at_ms) for event in kept] == [
            (event.kind, event.at_ms) for event in written[: len(kept)]
        ]


@in_virtual_time
async def test_a_power_cut_that_harms_nothing_is_told_as_such(tmp_path: Path) -> None:
    async with Estate(tmp_path) as estate:
        gym = await estate.gateway()
        assert await gym.tries(MEMBER)
        last = gym.rows()[-1].seq
        gym = estate.reboot(gym)
        await estate.until(lambda: in_step(gym))
        (said,) = gym.told("device.power_cut")
        assert said.data == {"last_durable": last}
        assert gym.told("device.journal_recovered") == []
        assert [event.seq for event in estate.cloud.events()] == [event.seq for event in gym.rows()]
