"""Whatever the desk does in whatever order: no plan is held by more than its places, homes stay, all is audited."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.bars.rule import BarGround
from cloud.cards.rule import Card, Recipient
from cloud.cards.service import CardService
from cloud.keys.keys import KeyFolder
from cloud.office.rule import HomeGround
from cloud.parties.party import MemberRole
from cloud.parties.store import list_party_members
from cloud.people.community import load_community
from cloud.people.compiled import OF_PEOPLE
from cloud.people.grants import compile_people
from cloud.people.issue import make_draft, store_draft
from cloud.people.members import Membership
from cloud.people.plans import YEARLY
from cloud.people.rosters import Roster
from cloud.people.store import list_plans, memberships_of_party
from cloud.people.terms import too_many
from cloud.sample import SITE
from cloud.store.database import connect
from cloud.store.revision import revision
from cloud.web.rejected import Rejected
from contract.decide import DAY_MS, Standing
from tests.cloud.support.households import BY, NOW_MS, PropertyOffice, yearly_family
from tests.cloud.support.town import Past

SHARED = ("founder", "family-year")
WHAT = st.sampled_from((*range(12), *6 * (1,)))
"""A plan is asked for as often as all else together, so that its places run out."""
STEPS = st.lists(st.tuples(WHAT, st.integers(0, 7), st.integers(0, 7), st.booleans()), min_size=8, max_size=16)


class Estate:
    """A household of six and a company; operations choose their people and rows by number."""

    def __init__(self, office: PropertyOffice) -> None:
        self.office = office
        self.residents = office.family("9-901", *(f"Resident {number}" for number in range(6)))
        self.home = office.party_of(self.residents[0])
        self.company = office.company("Acme")
        CardService(office.store, office.keys, office.clock).add_card(
            BY, Recipient(party=self.home), Card("H10301", 21, 60_001)
        )
        self.ended: set[int] = set()
        for plan in SHARED:
            office.give(plan, self.residents[0], payer=True)
        self.issued: Roster | None = None

    def rows(self) -> list[Membership]:
        with self.office.store.reading() as connection:
            return [one for party in (self.home, self.company) for one in memberships_of_party(connection, party)]

    def act(self, what: int, first: int, second: int, flag: bool) -> None:
        office, person = self.office, self.residents[first % 6]
        other, plan = self.residents[second % 6], SHARED[flag]
        held = self.rows()
        row = held[second % len(held)].id if held else 0
        acts = (
            lambda: office.give(plan, person, payer=second % 2 == 0),
            lambda: office.give(plan, person),
            lambda: office.memberships.end(BY, row, office.now_ms + first * DAY_MS),
            lambda: office.memberships.set_standing(BY, row, Standing.SUSPENDED if flag else Standing.ACTIVE),
            lambda: office.memberships.renew(BY, row),
            lambda: office.memberships.change_window(BY, row, 0, office.now_ms + (first + 1) * 100 * DAY_MS),
            lambda: office.join(self.company, person, MemberRole.ADULT),
            lambda: office.give(plan, None, payer=True, party=self.company),
            lambda: office.parties.end_member(BY, office.place(self.company, person)),
            lambda: office.persons.merge(BY, person, other),
            lambda: self.bar(person),
            lambda: office.parties.end_member(BY, office.place(self.home, person), HomeGround.GUARDIAN),
        )
        before = self.state()
        try:
            acts[what]()
        except (Rejected, StopIteration):
            assert self.state() == before, "what is rejected leaves no trace"
            return
        if what == 9:
            self.ended.add(other)
        if self.state()[0] != before[0]:
            assert len(office.audit()) > before[1], "a change has a row in the audit"

    def bar(self, person: int) -> None:
        bar = self.office.bars.enter(BY, BarGround.THEFT, self.office.now_ms + DAY_MS, person=person)
        self.office.bars.confirm("second", bar)

    def state(self) -> tuple[int, int]:
        with self.office.store.reading() as connection:
            at_revision = revision(connection)
        return at_revision, len(self.office.audit())

    def check_roster(self) -> None:
        """What changed is compiled anew and nothing else, and comes to what all together comes to."""
        store, now_ms = self.office.store, self.office.now_ms
        with store.reading() as connection:
            made = make_draft(connection, SITE.name, self.issued, now_ms, whole=self.issued is None)
        with store.writing() as connection:
            number = self.issued.number + 1 if self.issued else 1
            self.issued = store_draft(connection, SITE.name, made, self.issued, number, now_ms)
            whole = compile_people(load_community(connection), now_ms)
            assert OF_PEOPLE.find(connection, SITE.name, sorted(whole)) == whole

    def check(self) -> None:
        """No plan is held by more than its places at any moment, and every resident has their home."""
        office = self.office
        with office.store.reading() as connection:
            places = {plan.name: plan.places for plan in list_plans(connection)}
            for party in (self.home, self.company):
                members = list_party_members(connection, SITE.name, party)
                for name in SHARED:
                    held = [one for one in memberships_of_party(connection, party) if one.plan == name]
                    assert too_many(held, members, places[name] or 0, office.now_ms) == []
        opens = office.open_plans()
        for person in self.residents:
            assert person in self.ended or "resident" in opens[person]


@contextmanager
def estate(past: Past, tables: Path) -> Iterator[Estate]:
    with TemporaryDirectory() as folder:
        shutil.copyfile(tables, Path(folder) / "cloud.db")
        store = connect(f"sqlite:///{folder}/cloud.db")
        try:
            past.copy_to(store)
            office = PropertyOffice(store, KeyFolder(past.keys.folder))
            office.plan(yearly_family(YEARLY, places=2))
            yield Estate(office)
        finally:
            store.close()


@given(steps=STEPS)
@settings(max_examples=8)
def test_no_sequence_at_the_desk_breaks_a_promise(
    past: Past, tables: Path, steps: list[tuple[int, int, int, bool]]
) -> None:
    with estate(past, tables) as there:
        for number, step in enumerate(steps):
            there.office.now_ms = NOW_MS + number * 40 * DAY_MS
            there.act(*step)
            there.check()
            there.check_roster()
