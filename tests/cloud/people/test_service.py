"""The use cases of people: what is refused changes nothing, whoever asks."""

import pytest

from cloud.people.members import Membership
from cloud.people.service import MAX_NAME, PeopleService
from cloud.people.store import find_person, list_people
from cloud.store.database import Store
from cloud.store.labels import Label
from cloud.store.revision import revision
from cloud.web.operators import list_audit
from cloud.web.rejected import Rejected
from tests.cloud.support.town import Past

NOW_MS = 1_800_000_000_000


@pytest.fixture
def people(store: Store, past: Past) -> PeopleService:
    past.copy_to(store)
    return PeopleService(store, lambda: NOW_MS)


def test_names_are_kept_in_their_one_form(store: Store, people: PeopleService) -> None:
    added = people.add_person("lin", Label("", "  Zhang \u00a0 Li "), "\uff19-901")
    with store.reading() as connection:
        person = find_person(connection, added)
    assert person is not None
    assert (person.name, person.unit) == (Label("Zhang Li", "Zhang Li"), "9-901")


def test_refused_membership_leaves_no_person(store: Store, people: PeopleService) -> None:
    with store.reading() as connection:
        before = revision(connection), list_audit(connection), list_people(connection)
    with pytest.raises(Rejected, match="no such plan"):
        people.add_person("lin", Label("", "Zhang Li"), membership=Membership(0, 0, "gold"))
    for name in ("x" * (MAX_NAME + 1), "a\u202eb"):
        with pytest.raises(ValueError, match="name"):
            people.add_person("lin", Label("", name))
    with store.reading() as connection:
        assert (revision(connection), list_audit(connection), list_people(connection)) == before


def test_each_change_has_its_row_in_the_audit(store: Store, people: PeopleService) -> None:
    people.add_person("lin", Label("", "Zhang Li"), membership=Membership(0, 0, "rider"))
    with store.reading() as connection:
        actions = [deed.action for deed in list_audit(connection, limit=2)]
    assert actions == ["membership.added", "person.added"]
