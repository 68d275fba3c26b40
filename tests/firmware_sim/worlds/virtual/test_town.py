"""A town on bad lines, with everything dying now and then: nothing is lost, nothing doubled, no door stays open."""

from collections import Counter
from typing import Any

import pytest
from msgspec import Struct
from sqlalchemy import func, select

from cloud.devices.event_series import write_rows
from cloud.ingest import intake
from cloud.store.schema import events
from contract.decide import Decision
from contract.events import decode_event
from contract.reasons import Reason
from edge.agent.decider import Decider
from edge.journal.recorder import Recorder
from edge.keeper.outputs import LeasedOutput
from firmware_sim.worlds.virtual.audit import audit, unlockings
from firmware_sim.worlds.virtual.town import OurFault, VirtualTown
from firmware_sim.worlds.virtual.troubles import Troubles
from tests.edge.support.rig import Leaseless
from tests.firmware_sim.support.towns import lived

LEASE_S = 6.0


class Restored(Struct):
    """What a town's day looks like afterwards. ``ran_out`` counts the times a lock was held to the end of its lease."""

    complaints: list[str]
    troubles: Counter[str]
    kinds: Counter[str]
    entered: int
    replayed: int
    ran_out: int


def judge(town: VirtualTown, troubles: Troubles) -> Restored:
    with town.cloud.reading() as connection:
        replayed = connection.execute(select(func.count()).select_from(events).where(events.c.replay)).scalar_one()
    unlocked = [span for device in town.devices.values() for span in unlockings(device)]
    return Restored(
        complaints=audit(town),
        troubles=troubles.happened,
        kinds=Counter(decode_event(row.stored).kind for name in town.devices for row in town.journal(name)),
        entered=sum(visit.entered for visit in town.visits),
        replayed=replayed,
        ran_out=sum(span.end_s - span.start_s > LEASE_S - 0.1 for span in unlocked),
    )


@pytest.mark.parametrize(
    ("devices", "hours", "trouble_every_s", "entered"),
    [(6, 6, 120, 100), pytest.param(12, 24, 300, 500, marks=pytest.mark.slow)],
)
def test_hours_of_troubles_lose_and_double_nothing(
    devices: int, hours: float, trouble_every_s: float, entered: int
) -> None:
    """A day's worth of troubles in a quarter of the time, for half the devices; and the day. No event is lost or
    doubled, and no door opens to anybody else."""
    found = lived(judge, seed=1, devices=devices, hours=hours, trouble_every_s=trouble_every_s)
    assert found.complaints == []
    assert len(found.troubles) == 7
    assert min(found.troubles.values()) >= 5
    assert found.entered > entered
    assert found.kinds["device.power_cut"] > 5
    assert found.replayed > 50
    assert found.ran_out > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_nor_in_three_days_of_worse_troubles(seed: int) -> None:
    found = lived(judge, seed=seed, devices=12, hours=72, trouble_every_s=60)
    assert found.complaints == []
    assert found.ran_out > 0


def complaints() -> list[str]:
    """Of a few hours of three devices."""
    return lived(lambda town, _: audit(town), seed=1, devices=2, hours=4, trouble_every_s=60)


def test_a_sound_build_passes_where_the_unsound_ones_are_caught() -> None:
    assert complaints() == []


def test_a_build_without_the_lease_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeasedOutput, "drive", Leaseless.drive)
    assert any("longer than its lease" in one for one in complaints())


def test_a_build_that_lets_strangers_in_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decider, "_weigh", lambda *_: (Decision(Reason.ALLOWED), False, None))
    assert any("lets nobody in" in one for one in complaints())


def test_a_build_that_opens_without_a_word_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Recorder.record

    def forgetful(recorder: Recorder, point: str, kind: str, data: dict[str, Any]) -> int | None:
        return None if kind == "access.allowed" else record(recorder, point, kind, data)

    monkeypatch.setattr(Recorder, "record", forgetful)
    assert any("for nobody" in one for one in complaints())


def test_a_cloud_that_acknowledges_what_it_did_not_store_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    write = write_rows
    monkeypatch.setattr(intake, "write_rows", lambda connection, rows: write(connection, rows[1:]))
    assert any("the cloud has" in one for one in complaints())


def test_a_cloud_that_takes_in_whatever_comes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeated batch is stored again, or stands in the way of the next."""
    monkeypatch.setattr(intake, "count_stored", lambda *_: 0)
    with pytest.raises((OurFault, TimeoutError)):
        complaints()
