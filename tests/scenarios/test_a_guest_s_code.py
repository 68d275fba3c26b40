"""A guest with a spoken code: through the gate, to the unit door, and refused once the permit has ended."""

import asyncio

from cloud.flats.rule import Place
from cloud.permits.kinds import PermitKind
from cloud.permits.rule import PermitState
from cloud.permits.service import PermitAsked
from cloud.points.store import set_places, set_point
from cloud.points.zone_store import add_zone
from cloud.sample import SITE
from contract.credentials import KEYS
from firmware_sim.parts.portal import Portal
from firmware_sim.people.riders import KEY_S
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.scenarios.sunny_court import EAST_GATE, GYM, HUB, in_sunny_court, in_the_cloud, reasons, until

LI_SI, UNIT_DOOR = 5, HUB
"""A resident of 2-502, whose unit's door the hub's door becomes."""


async def keys_in(town: VirtualTown, device: str, code: str) -> bool:
    """Somebody keys a code at a door and walks; whether they got in."""
    hardware = town.devices[device].hardware
    (portal,) = hardware.all(Portal).values()
    for key in f"{code}#":
        hardware.readers[f"{device}.in"].send(f"{KEYS.index(key):04b}")
        await asyncio.sleep(KEY_S)
    entered = await portal.enter()
    await asyncio.sleep(60)  # the door is shut, and nobody has to wait at the keypad any more
    return entered


def state(town: VirtualTown, permit: int) -> PermitState:
    found = town.cloud.permits.find(permit)
    assert found is not None
    return found.permit.state(town.now_ms())


@in_sunny_court(("an aunt", "estate"), ("an aunt", "hub"), from_hour=10)
async def test_guest_keys_the_code_at_each_door(town: VirtualTown) -> None:
    """Li Si invites somebody, who is told six digits over the telephone. They open gate and unit door of building 2 by
    shipped devices, not the gym, and nothing once Li Si has ended the permit."""
    await until(town, 10)
    with town.cloud.changing() as connection:
        add_zone(connection, "buildings", "", "")
        set_point(connection, UNIT_DOOR, "buildings", "")
        set_places(connection, SITE.name, {UNIT_DOOR: Place("2")})
    drawn = town.cloud.permits.invite(LI_SI, PermitAsked(kind=PermitKind.GUEST, name="an aunt", code=True))
    assert state(town, drawn.permit) is PermitState.VALID
    await asyncio.sleep(5)
    assert await keys_in(town, EAST_GATE, drawn.code)
    assert state(town, drawn.permit) is PermitState.INSIDE
    assert await keys_in(town, UNIT_DOOR, drawn.code)
    assert not await keys_in(town, GYM, drawn.code)
    assert reasons(town, GYM) == ["not_entitled"]
    town.cloud.permits.end(f"person {LI_SI}", drawn.permit, inviter=LI_SI)
    await asyncio.sleep(5)
    assert not await keys_in(town, EAST_GATE, drawn.code)
    assert reasons(town, EAST_GATE) == ["allowed", "unknown_credential"]
    assert state(town, drawn.permit) is PermitState.OVERSTAYED
    allowed = in_the_cloud(town, EAST_GATE, "access.allowed")
    assert [event.data.get("credential") for event in allowed] == ["code"]
