"""Hours at a riders' hub in which everything goes wrong that can, and an auditor who believes the board alone."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, update

from cloud.store.community import touch
from cloud.store.schema import people, plans
from contract.roster import Rations
from firmware_sim.clock import run_virtual
from firmware_sim.worlds.hub_audit import Witness, audit_hub
from firmware_sim.worlds.hub_troubles import HubTroubles
from firmware_sim.worlds.virtual_hub import VirtualHub

HOUR_S = 3600.0
RATIONS = {"phone": Rations(15, 5), "ebike": Rations(25, 40)}
"""So little that a rider uses it up."""


async def lived_through(folder: Path, seed: int, hours: float) -> tuple[HubTroubles, list[str]]:
    """That many hours of troubles, and what can be said against the device afterwards."""
    hub = VirtualHub(folder, seed=seed)
    witness = Witness(hub)
    await hub.open()
    with hub.town.cloud.changing() as connection:
        allotments = msgspec.to_builtins(RATIONS)
        connection.execute(update(plans).where(plans.c.name == "rider").values(allotments=allotments))
        touch(connection)
    with hub.town.cloud.reading() as connection:
        rider = connection.execute(select(people.c.holder).where(people.c.name_en == "Sun Qi")).scalar_one()
    troubles = HubTroubles(hub)
    await troubles.go_on(hours * HOUR_S)
    witness.leave()
    rations = {kind: (one.minutes, one.wh) for kind, one in RATIONS.items()}
    complaints = audit_hub(hub, witness, rider.hex(), rations)
    print(f"{sum(troubles.happened.values())} troubles, {len(hub.told('ended'))} ends: {dict(troubles.happened)}")
    await hub.close()
    return troubles, complaints


@pytest.mark.parametrize("seed", [1, 4])
def test_nothing_can_be_said_against_a_hub_after_an_hour_of_troubles(tmp_path: Path, seed: int) -> None:
    troubles, complaints = run_virtual(lived_through(tmp_path, seed, hours=1))
    assert complaints == []
    assert len(troubles.happened) > 15


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 9))
def test_nothing_can_be_said_against_a_hub_after_a_day_of_troubles(tmp_path: Path, seed: int) -> None:
    _, complaints = run_virtual(lived_through(tmp_path, seed, hours=12))
    assert complaints == []
