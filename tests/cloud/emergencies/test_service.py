"""People are accounted for in an emergency, and at no other time."""

import pytest

from cloud.emergencies.service import MusterService, NoSuchZone
from cloud.emergencies.tables import accounted
from cloud.store.database import Store
from cloud.web.operators import list_audit
from tests.cloud.support.town import Town

HOLDER = bytes(range(8))


def noted(store: Store) -> tuple[int, list[str]]:
    """How many are accounted for, and what the audit says of it."""
    with store.reading() as connection:
        rows = connection.execute(accounted.select()).all()
        actions = [deed.action for deed in list_audit(connection) if deed.action.startswith("muster.")]
    return len(rows), actions


def test_nobody_is_accounted_for_without_an_emergency(town: Town) -> None:
    musters = MusterService(town.store, town.clock)
    musters.account_for("gate", "gym", HOLDER, seen=True)
    with pytest.raises(NoSuchZone):
        musters.account_for("gate", "attic", HOLDER, seen=True)
    assert noted(town.store) == (0, [])


def test_somebody_seen_is_noted_and_taken_back(town: Town) -> None:
    town.happens("emergency.began", zone="gym", cause="fire")
    musters = MusterService(town.store, town.clock)
    musters.account_for("gate", "gym", HOLDER, seen=True)
    assert noted(town.store) == (1, ["muster.seen"])
    musters.account_for("gate", "gym", HOLDER, seen=False)
    assert noted(town.store) == (0, ["muster.unseen", "muster.seen"])
