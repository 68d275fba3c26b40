"""A journal's past is broken, in three ways, and everybody can see exactly where: an old card is put back, the cloud is
restored from last night's backup, and an outage lasts longer than the journal does."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from cloud.backup.archive import BackupLabel, read_backup, write_backup
from cloud.devices.breaks import BreakView, list_breaks
from cloud.store.schema import journals
from edge.machine.space import LOOK_S
from firmware_sim.worlds.virtual.audit import audit
from firmware_sim.worlds.virtual.device import MortalJournal
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import FOUNDER, GYM, MEMBER, STAFF, STRANGER, Gym

KEEPS = 40
PASSPHRASE = "four words in a row"


@pytest.fixture
def small_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    class SmallJournal(MortalJournal):
        def __init__(self, path: Path, *, boot: str) -> None:
            super().__init__(path, boot=boot)
            self.max_rows = KEEPS

    monkeypatch.setattr("firmware_sim.worlds.virtual.device.MortalJournal", SmallJournal)


def broken(gym: Gym) -> list[BreakView]:
    with gym.cloud.reading() as connection:
        return list_breaks(connection)


def known_journals(gym: Gym) -> dict[str, int]:
    """How far the cloud has each journal, the oldest first."""
    with gym.cloud.reading() as connection:
        rows = connection.execute(select(journals).order_by(journals.c.id))
        return {row.journal: row.upto for row in rows}


def back_up(gym: Gym, folder: Path) -> None:
    """As the office does it, while the cloud runs."""
    with (folder / "backup").open("wb") as file:
        write_backup(gym.cloud.folder, file, PASSPHRASE, BackupLabel("sunny-court", 0))


def restore(gym: Gym, folder: Path) -> None:
    """In a new folder; the old one is lost."""
    shutil.rmtree(gym.cloud.folder)
    gym.cloud.folder = folder / "restored"
    with (folder / "backup").open("rb") as file:
        read_backup(file, PASSPHRASE, gym.cloud.folder)


def image_of(folder: Path) -> Callable[[Path], None]:
    """What somebody does who copies a card, or puts the copy back."""

    def copy(state: Path) -> None:
        source, target = (folder, state) if folder.exists() else (state, folder)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)

    return copy


@in_virtual_time
async def test_the_card_of_last_week_is_put_back_and_both_pasts_are_kept(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        card = image_of(tmp_path / "card")
        assert await gym.tries(MEMBER)
        await gym.until(gym.in_step)
        gym.reboot(card)
        await gym.until(gym.in_step)
        for _ in range(5):
            assert await gym.tries(FOUNDER)
        await gym.until(gym.in_step)
        ((first_journal, stored),) = known_journals(gym).items()
        before = gym.arrived()

        gym.reboot(card)
        assert await gym.tries(STAFF), "the door asks nobody about its past"
        await gym.until(lambda: len(known_journals(gym)) == 2 and gym.in_step())

        (fork,) = broken(gym)
        assert (fork.journal, fork.last, fork.why) == (first_journal, stored, "forked")
        assert gym.arrived()[: len(before)] == before
        (said,) = gym.arrived("device.forked")
        assert said.data["journal"] == first_journal
        assert said.data["upto"] == fork.first - 1
        carried = [event for event in gym.arrived()[len(before) :] if event.seq <= said.data["carried"]]
        assert [event.seq for event in carried] == list(range(1, said.data["carried"] + 1))
        assert [event.kind for event in gym.rows()][:2] == ["device.started", "device.power_cut"]

        assert await gym.tries(MEMBER)
        assert not await gym.tries(STRANGER)
        await gym.until(gym.in_step)
        assert len(known_journals(gym)) == 2, "one fork is enough"
    assert audit(gym.town, forgiven=["forked"]) == []


@in_virtual_time
async def test_a_cloud_restored_from_last_nights_backup_gets_the_day_again_and_no_bell_rings(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        assert await gym.tries(MEMBER)
        await gym.until(gym.in_step)
        back_up(gym, tmp_path)
        for _ in range(6):
            assert await gym.tries(FOUNDER)
        await gym.until(gym.in_step)
        stored = gym.town.stored(GYM)

        gym.cloud.kill()
        restore(gym, tmp_path)
        gym.cloud.start()
        await gym.until(lambda: len(gym.town.stored(GYM)) >= len(stored))
        assert await gym.tries(STAFF)
        await gym.until(gym.in_step)
        assert gym.town.stored(GYM)[: len(stored)] == stored
        assert broken(gym) == []
    assert audit(gym.town) == []


@pytest.mark.usefixtures("small_journal")
@in_virtual_time
async def test_a_cloud_restored_from_too_old_a_backup_knows_exactly_what_it_will_never_get(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        back_up(gym, tmp_path)
        backed_up = gym.rows()[-1].seq
        for _ in range(40):
            assert await gym.tries(FOUNDER)
        await gym.until(gym.in_step)

        gym.cloud.kill()
        restore(gym, tmp_path)
        gym.cloud.start()
        assert await gym.tries(STAFF)
        await gym.until(gym.in_step)

        (lost,) = broken(gym)
        assert (lost.first, lost.why) == (backed_up + 1, "let_go")
        there = [event.seq for event in gym.arrived() if event.kind != "journal.gap"]
        assert there == [*range(1, lost.first), *range(lost.last + 1, gym.rows()[-1].seq + 1)]
    assert audit(gym.town, forgiven=["let_go"]) == []


@pytest.mark.usefixtures("small_journal")
@in_virtual_time
async def test_an_outage_longer_than_the_journal_refuses_nobody_and_loses_only_what_a_gap_names(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        gym.device.link.cut()
        for _ in range(2 * KEEPS):
            assert await gym.tries(MEMBER)
        await asyncio.sleep(LOOK_S)
        assert gym.status["faults"]["journal_full"] == "100%"
        assert gym.status["journal"]["unlogged"] == 0

        gym.device.link.restore()
        await gym.until(gym.in_step)
        await asyncio.sleep(LOOK_S)
        assert "journal_full" not in gym.status["faults"]
        await gym.until(gym.in_step)

        gaps = [event.data for event in gym.arrived("journal.gap")]
        assert gaps
        assert [(one.first, one.last, one.why) for one in broken(gym)[::-1]] == [
            (gap["first"], gap["last"], "full") for gap in gaps
        ]
        lost = sum(one.count for one in broken(gym))
        there = [event for event in gym.arrived() if event.kind != "journal.gap"]
        assert len(there) + lost == gym.rows()[-1].seq
        newest = [event for event in gym.rows() if event.kind == "access.allowed"][-10:]
        assert len(newest) == 10
        assert await gym.tries(FOUNDER)
        await gym.until(gym.in_step)
    assert audit(gym.town, forgiven=["full"]) == []
    assert any(complaint.endswith(": full") for complaint in audit(gym.town)), "in a town without outages it is a fault"


@pytest.mark.usefixtures("small_journal")
@in_virtual_time
async def test_a_cloud_that_passes_over_a_gap_in_silence_is_caught_by_the_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.ingest.intake.note_breaks", lambda *_: None)
    async with Gym(tmp_path) as gym:
        gym.device.link.cut()
        for _ in range(KEEPS):
            assert await gym.tries(MEMBER)
        gym.device.link.restore()
        await gym.until(gym.in_step)
    assert any("the cloud has nothing of row" in complaint for complaint in audit(gym.town, forgiven=["full"]))
