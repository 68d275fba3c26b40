"""What is wrong with what a plan rations."""

import pytest
from msgspec import structs

from cloud.people.plans import RIDER
from cloud.plans.rule import Around, plan_faults
from contract.quantities import Quantity

AROUND = Around(("estate", "hub"), ("always",), ("phone", "p" * 40))


@pytest.mark.parametrize(
    ("kind", "quantities", "cure"),
    [
        ("phone", (Quantity(1, "wh"), Quantity(2, "wh")), "name one unit at least, and each of them once"),
        ("phone", (), "name one unit at least, and each of them once"),
        ("p" * 40, (Quantity(1, "wh"),), "shorten the name of the plan or of the class: together they have 39 at most"),
        ("boats", (Quantity(1, "wh"),), f"there is no class boats; there is phone, {'p' * 40}"),
    ],
    ids=["a unit twice", "none", "too long", "no class"],
)
def test_wrong_quantity_names_its_cure(kind: str, quantities: tuple[Quantity, ...], cure: str) -> None:
    plan = structs.replace(RIDER, quantities={kind: quantities})
    assert list(plan_faults(plan, AROUND)) == [(f"quantities.{kind}", cure)]


def test_good_quantities_have_no_fault() -> None:
    plan = structs.replace(RIDER, quantities={"phone": (Quantity(3, "visits", "month", floor=1),)})
    assert list(plan_faults(plan, AROUND)) == []
