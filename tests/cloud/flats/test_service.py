"""The use cases of flats: what is refused changes nothing, and what is changed is in the audit."""

import pytest
from msgspec import structs

from cloud.flats.rule import Flat, Place, Tenure
from cloud.flats.service import FlatService
from cloud.flats.store import find_flat, list_flats
from cloud.office.rule import HomeGround
from cloud.parties.store import find_party
from cloud.points.store import set_places
from cloud.sample import SITE
from cloud.store.database import Store
from cloud.store.revision import revision
from cloud.web.operators import list_audit
from cloud.web.rejected import Rejected
from tests.cloud.support.households import PropertyOffice
from tests.cloud.support.town import Past

NOW_MS = 1_800_000_000_000


@pytest.fixture
def flats(store: Store, past: Past) -> FlatService:
    past.copy_to(store)
    return FlatService(store, lambda: NOW_MS)


def test_flat_is_called_by_its_parts(store: Store, flats: FlatService) -> None:
    assert flats.add("lin", Flat("", "9", "2", 11, " 1103 ", 88.5, Tenure.OWNER)) == "9-2-1103"
    assert flats.add("lin", Flat("Gate  house")) == "Gate house"
    with store.reading() as connection:
        assert find_flat(connection, SITE.name, "9-2-1103") == Flat(
            "9-2-1103", "9", "2", 11, "1103", 88.5, Tenure.OWNER
        )
        assert [entry.subject for entry in list_audit(connection, limit=2)] == ["flat Gate house", "flat 9-2-1103"]


def test_bad_flat_changes_nothing(store: Store, flats: FlatService) -> None:
    with store.reading() as connection:
        before = revision(connection), list_audit(connection), list_flats(connection, SITE.name, limit=99)
    for flat, where in (
        (Flat(""), "name"),
        (Flat("", "9"), "name"),
        (Flat("2-502"), "name"),
        (Flat("9-901", floor=201), "floor"),
        (Flat("9-901", area_m2=0.0), "area_m2"),
        (Flat("9-901", area_m2=float("nan")), "area_m2"),
    ):
        with pytest.raises(Rejected) as refused:
            flats.add("lin", flat)
        assert refused.value.where == where
    for name in ("x" * 41, "a\u202eb"):
        with pytest.raises(ValueError, match="name"):
            flats.add("lin", Flat(name))
    with pytest.raises(Rejected, match="no such flat"):
        flats.change("lin", Flat("9-901"))
    with store.reading() as connection:
        after = revision(connection), list_audit(connection), list_flats(connection, SITE.name, limit=99)
    assert after == before


def test_change_of_a_flat_says_what(store: Store, flats: FlatService) -> None:
    """One that changes nothing is none."""
    with store.reading() as connection:
        before = find_flat(connection, SITE.name, "2-502")
    assert before is not None
    for _ in range(2):
        flats.change("lin", structs.replace(before, floor=6, vacant=True))
    with store.reading() as connection:
        changed, *_ = list_audit(connection)
        assert len([entry for entry in list_audit(connection) if entry.action == "flat.changed"]) == 1
    assert changed.detail == {"floor": "6", "vacant": "True"}


def test_empty_flat_is_removed_with_its_household(store: Store, flats: FlatService, office: PropertyOffice) -> None:
    """One that was typed wrongly, or that nobody lives in any more; the household keeps its history."""
    person = office.person("Gone", "2-509")
    party = office.party_of(person)
    with pytest.raises(Rejected, match="Its residents are Gone: move") as refused:
        flats.remove("lin", "2-509")
    assert refused.value.status == 409
    office.persons.end("lin", person, HomeGround.OWN_WORD)
    flats.remove("lin", "2-509")
    with pytest.raises(Rejected, match="no such flat"):
        flats.remove("lin", "2-509")
    with store.reading() as connection:
        kept = find_party(connection, SITE.name, party)
        assert list_audit(connection)[0].subject == "flat 2-509"
    assert kept is not None
    assert (kept.name_en, kept.flat, kept.ended_ms) == ("2-509", None, NOW_MS)


def test_flat_of_a_door_is_not_removed(store: Store, flats: FlatService) -> None:
    flats.add("lin", Flat("9-901"))
    with store.writing() as connection:
        set_places(connection, SITE.name, {"east-gate": Place(flat="9-901")})
    with pytest.raises(Rejected, match="It is the place of East gate"):
        flats.remove("lin", "9-901")
