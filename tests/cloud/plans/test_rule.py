"""What is wrong with what a plan rations."""

import pytest
from msgspec import structs

from cloud.flats.rule import RELATIVE_ZONES
from cloud.people.plans import RESIDENT, RIDER
from cloud.plans.rule import Around, plan_faults
from contract.decide import Tier
from contract.quantities import Quantity

AROUND = Around(("estate", "hub"), ("always",), ("phone", "p" * 40))


@pytest.mark.parametrize(
    ("kind", "quantities", "cure"),
    [
        ("phone", (Quantity(1, "wh"), Quantity(2, "wh")), "name one unit at least, and each of them once"),
        ("phone", (), "name one unit at least, and each of them once"),
        ("p" * 40, (Quantity(1, "wh"),), "shorten the name of the plan or of the class: together they have 39 at most"),
        (
            "phone",
            (Quantity(2, "minutes", "concurrent"),),
            "what may run at the same time is counted in items; write that unit",
        ),
        ("boats", (Quantity(1, "wh"),), f"there is no class boats; there is phone, {'p' * 40}"),
    ],
    ids=["a unit twice", "none", "too long", "minutes at a time", "no class"],
)
def test_wrong_quantity_names_its_cure(kind: str, quantities: tuple[Quantity, ...], cure: str) -> None:
    plan = structs.replace(RIDER, quantities={kind: quantities})
    assert list(plan_faults(plan, AROUND)) == [(f"quantities.{kind}", cure)]


def test_good_quantities_have_no_fault() -> None:
    plan = structs.replace(RIDER, quantities={"phone": (Quantity(3, "visits", "month", floor=1),)})
    assert list(plan_faults(plan, AROUND)) == []


@pytest.mark.parametrize("zone", RELATIVE_ZONES)
def test_way_home_opens_at_all_hours(zone: str) -> None:
    """Of residents. Somebody else, such as a helper, may have other hours there."""
    by_day = structs.replace(RESIDENT, opens={zone: "day"}, quantities={})
    around = structs.replace(AROUND, hours=("always", "day"))
    cure = "residents get home at all hours; write always, or another tier"
    assert list(plan_faults(by_day, around)) == [(f"opens.{zone}", cure)]
    assert list(plan_faults(structs.replace(by_day, opens={zone: "always"}), around)) == []
    assert list(plan_faults(structs.replace(by_day, name="helper", tier=Tier.STAFF), around)) == []
