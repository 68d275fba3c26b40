"""Cases of what stands for a time: people who stayed behind, and ways out that name nobody."""

from sqlalchemy import update

from cloud.cases.kinds import KINDS
from cloud.cases.standing import STANDING
from cloud.cases.watch import CaseWatch
from cloud.devices.registry import keep_wiring
from cloud.store.schema import zones
from contract.decide import HOUR_MS, MINUTE_MS
from tests.cloud.support.counted import CountedGym
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

FREE = '[[point]]\nname = "gym-turnstile"\nkind = "turnstile"\nzone = "gym"\n[point.inputs.exit_arm]\npin = 5\n'
NAMED = '[[point]]\nname = "gym-turnstile"\nkind = "turnstile"\nzone = "gym"\n[point.readers.out]\nd0 = 7\nd1 = 8\n'


def cases(town: Town) -> str:
    CaseWatch(town.store, town.clock, lambda: "").look()
    with town.visit("gate") as guard:
        return words(guard.get("/cases").text)


def test_every_standing_kind_closes_by_itself() -> None:
    assert all(KINDS[kind].closes for kind in STANDING)


def test_people_behind_closed_doors_are_a_case(town: Town) -> None:
    """From closing time until the last has left."""
    gym = CountedGym(town, closes="17:00")
    gym.passes(bytes(8))
    assert "No case is open." in cases(town)
    town.now_ms += HOUR_MS + MINUTE_MS
    assert "Gym Still inside after closing time Service" in cases(town)
    gym.passes(bytes(8), "out")
    assert "No case is open." in cases(town)


def test_new_wiring_that_names_nobody_is_a_case(town: Town) -> None:
    """Setup takes no hard anti-passback there; a wiring that is changed later cannot be refused by it."""
    CountedGym(town)
    with town.store.writing() as connection:
        connection.execute(update(zones).where(zones.c.name == "gym").values(anti_passback="hard"))
        keep_wiring(connection, "gym-turnstile", NAMED)
        keep_wiring(connection, "west-gate", NAMED.replace("gym-turnstile", "west-gate"))
    assert "No case is open." in cases(town)
    with town.store.writing() as connection:
        keep_wiring(connection, "gym-turnstile", FREE)
    assert "Gym turnstile Hard anti-passback, and a way out that names nobody" in cases(town)
    with town.store.writing() as connection:
        keep_wiring(connection, "gym-turnstile", NAMED)
    assert "No case is open." in cases(town)
