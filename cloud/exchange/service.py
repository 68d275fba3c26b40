"""The use case of an import: a file of people is compared with what is there, and all of it is done, or nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from typing import NamedTuple, TypeVar

from msgspec import Struct
from sqlalchemy import Connection

from cloud.cards.rule import Recipient
from cloud.cards.service import CardService
from cloud.devices.registry import site_of
from cloud.exchange.rule import Parsed, PersonRow, TableProblem, read_rows, window_days
from cloud.exchange.sheet import read_sheet
from cloud.exchange.store import companies_by_name, flat_names, has_card, people_by_key, plans_by_name
from cloud.flats.rule import read_flat_name
from cloud.flats.store import add_flat
from cloud.keys.keys import KeyFolder
from cloud.office.party_service import PartyService, add_member, is_there
from cloud.office.person_service import PersonService
from cloud.office.person_store import find_traits
from cloud.parties.party import MemberRole, PartyKind, PartyMember
from cloud.parties.store import places_of_person, take_household
from cloud.people.members import Membership
from cloud.people.membership_store import person_ended
from cloud.people.memberships import add_membership, zone_of
from cloud.people.service import PeopleService
from cloud.people.store import memberships_of, names_of
from cloud.store.database import Clock, JoinedStore, Store
from cloud.store.labels import Label
from cloud.store.prepared import undone_alone
from cloud.web.days import window_of
from cloud.web.i18n import N_
from cloud.web.operators import record
from cloud.web.rejected import Rejected

T = TypeVar("T")

TWO_PEOPLE = N_(
    "several people of this name are there, no. %(numbers)s: write the number of who is meant into a column person"
)
NO_SUCH_PERSON = N_("nobody who is there has the number %(number)s")
OTHER_NAME = N_("number %(number)s is %(name)s: correct the number, or the name here")
NO_SUCH_PLAN = N_("there is no plan %(plan)s; there are: %(plans)s")
COLUMN_OF = {
    "unit": "flat",
    "format": "card_format",
    "until_ms": "last_day",
    "from_ms": "first_day",
    "name": "name_zh",
    "party": "company",
}
"""Of the fields that use cases name, those that a file calls otherwise."""


class ImportedLine(NamedTuple):
    """What a line of the file does, by words; none if all of it is there already."""

    line: int
    done: Sequence[str]


class ImportReport(Struct, frozen=True):
    """What an import does, or did where it is ``applied``. With problems nothing is done. ``new_flats`` and
    ``new_companies`` are those that the file names and that are not there, each with the line that names it first: a
    name that was typed wrongly would be one."""

    applied: bool
    lines: Sequence[ImportedLine]
    problems: Sequence[TableProblem]
    new_flats: Mapping[str, int] = {}
    new_companies: Mapping[str, int] = {}


class _ImportUndone(Exception):
    """Ends the transaction of a trial, or of a file with problems."""


class ImportService:
    """The service that takes people in from a file. Any thread may use it; ``by`` is the operator's name."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def run(
        self, by: str, content: bytes, *, apply: bool, new_flats: bool = False, new_companies: bool = False
    ) -> ImportReport:
        """Find out what a file does, and do it with ``apply`` if nothing in it is wrong, and if it makes no flat and no
        company, or is allowed to. Raises ``NoTable``."""
        parsed = read_rows(read_sheet(content))
        allowed = _Allowed(apply, new_flats, new_companies)
        report = self._pass(by, parsed, allowed, careful=bool(parsed.problems))
        if report.problems and not parsed.problems:
            report = self._pass(by, parsed, _NOTHING, careful=True)
        return report

    def _pass(self, by: str, parsed: Parsed, allowed: "_Allowed", *, careful: bool) -> ImportReport:
        """A ``careful`` pass finds all that is wrong, in half as much time again; any other ends with what is wrong
        first."""
        problems, applied = list(parsed.problems), False
        lines: Sequence[ImportedLine] = ()
        new_flats, new_companies = dict[str, int](), dict[str, int]()
        with suppress(_ImportUndone), self._store.writing() if allowed.apply else self._store.trying() as connection:
            run = _Run(connection, self._keys, self._clock, by, parsed, careful=careful)
            new_flats, new_companies = run.new_flats, run.new_companies
            lines = run.all()
            problems += run.problems
            if problems or not allowed.includes(new_flats, new_companies):
                raise _ImportUndone
            changed = sum(bool(line.done) for line in lines)
            if changed:
                detail = {"rows": str(len(lines)), "changed": str(changed)}
                record(connection, self._clock(), by, "people.imported", **detail)
            applied = True
        problems.sort(key=lambda problem: problem.line)
        return ImportReport(applied, lines, problems, new_flats, new_companies)


class _Allowed(NamedTuple):
    """What an import may do."""

    apply: bool = False
    new_flats: bool = False
    new_companies: bool = False

    def includes(self, made_flats: Mapping[str, int], made_companies: Mapping[str, int]) -> bool:
        return self.apply and (self.new_flats or not made_flats) and (self.new_companies or not made_companies)


_NOTHING = _Allowed()


class _Run:
    """One pass over a file within a transaction. In a ``careful`` one each step of a row that is refused is undone
    alone, so that all that is wrong is found."""

    def __init__(
        self, connection: Connection, keys: KeyFolder, clock: Clock, by: str, parsed: Parsed, *, careful: bool
    ) -> None:
        self._careful = careful
        self._connection, self._by, self._parsed, self._clock = connection, by, parsed, clock
        self._site, self._zone, self._keys = site_of(connection).name, zone_of(connection), keys
        store = JoinedStore(connection)
        self._people, self._cards = PeopleService(store, clock), CardService(store, keys, clock)
        self._persons, self._parties = PersonService(store, clock), PartyService(store, clock)
        self._known = people_by_key(connection, self._site)
        self._companies = companies_by_name(connection, self._site) | {"": 0}
        self._households = {"": 0}
        self._plans = plans_by_name(connection)
        self._flats = flat_names(connection, self._site)
        self.new_flats: dict[str, int] = {}
        self.new_companies: dict[str, int] = {}
        self._done: dict[int, list[str]] = {row.line: [] for row in parsed.rows}
        self.problems: list[TableProblem] = []

    def all(self) -> list[ImportedLine]:
        """First what a look shows to be wrong: a pass that is not ``careful`` writes nothing then. Then everybody, then
        plans, the payers' before their family's, then cards."""
        rows = self._parsed.rows
        payers_first = sorted(rows, key=lambda row: not row.payer)
        planned = [row for row in payers_first if row.plan and self._try(row, self._plan_of)]
        carded = [row for row in rows if row.card and self._try(row, self._digests_of)]
        persons = {row.line: self._placed(row) for row in rows}
        for some, act in ((planned, self._membership), (carded, self._card)):
            for row in some:
                person = persons[row.line]
                if person is not None:
                    self._step(row, partial(act, person=person))
        return [ImportedLine(line, done) for line, done in self._done.items()]

    def _placed(self, row: PersonRow) -> int | None:
        """The person of a row, after the household and the company that it names; None where one of them is refused."""
        flat, company_name = row.flat, row.company
        household = self._households[flat] if flat in self._households else self._step(row, self._household)
        company = self._companies[company_name] if company_name in self._companies else self._step(row, self._company)
        if household is None or company is None:
            return None
        return self._step(row, partial(self._person, household=household, company=company))

    def _step(self, row: PersonRow, act: Callable[[PersonRow], T]) -> T | None:
        """Carry out what a row asks for. In a ``careful`` pass it is undone alone where it is refused."""
        return self._try(row, partial(self._alone, act) if self._careful else act)

    def _alone(self, act: Callable[[PersonRow], T], row: PersonRow) -> T:
        with undone_alone(self._connection):
            return act(row)

    def _try(self, row: PersonRow, act: Callable[[PersonRow], T]) -> T | None:
        """None where it is refused, which is noted; and after the first refusal, unless the pass is ``careful``."""
        if self.problems and not self._careful:
            return None
        try:
            return act(row)
        except Rejected as why:
            column = COLUMN_OF.get(why.where, why.where)
            self.problems.append(TableProblem(row.line, self._parsed.columns.get(column, ""), why))
        except ValueError as why:
            self.problems.append(TableProblem(row.line, "", Rejected(str(why))))
        return None

    def _note(self, row: PersonRow, word: str) -> None:
        self._done[row.line].append(word)

    def _person(self, row: PersonRow, household: int, company: int) -> int:
        """The person of a row, who is added, or joins what the row names, or gets what it says of them."""
        found = self._found(row)
        if len(found) > 1:
            raise Rejected(TWO_PEOPLE, "name", numbers=", ".join(map(str, sorted(found))))
        if found:
            (person,) = found
        else:
            person = self._people.add_person(self._by, Label(row.name_zh, row.name_en))
            self._note(row, "person")
        if household:
            self._join(row, household, person, row.role or MemberRole.ADULT, known=row.role)
        if company:
            role = None if household else row.role
            self._join(row, company, person, role or MemberRole.HELPER, known=role)
        if found:
            self._rename(row, person)
        self._traits(row, person)
        for key in row.keys if row.person is None else ():
            self._known[key] = [person]
        return person

    def _found(self, row: PersonRow) -> set[int]:
        """Whom a row may mean of those who are there."""
        if row.person is None:
            return {person for key in row.keys for person in self._known.get(key, ())}
        if person_ended(self._connection, row.person) is not False:
            raise Rejected(NO_SUCH_PERSON, "person", number=row.person)
        (name,) = names_of(self._connection, [row.person])
        said = {one.casefold() for one in (row.name_zh, row.name_en) if one}
        if said and not said & {name.zh.casefold(), name.en.casefold()}:
            raise Rejected(OTHER_NAME, "person", number=row.person, name=name)
        return {row.person}

    def _household(self, row: PersonRow) -> int:
        """The party of the flat that a row names, which is made if it is not there."""
        if row.flat not in self._flats:
            add_flat(self._connection, self._site, read_flat_name(row.flat))
            self._note(row, "flat")
            self.new_flats.setdefault(row.flat, row.line)
        made = self._households[row.flat] = take_household(self._connection, self._site, row.flat, self._clock())
        return made

    def _company(self, row: PersonRow) -> int:
        """The company that a row names, which is made as it is not there."""
        made = self._parties.add(self._by, PartyKind.COMPANY, Label(row.company, row.company))
        self._companies[row.company] = made
        self.new_companies.setdefault(row.company, row.line)
        self._note(row, "company")
        return made

    def _join(self, row: PersonRow, party: int, person: int, role: MemberRole, known: MemberRole | None) -> None:
        """Have somebody belong to a party, in another role than before where the file names one."""
        now_ms = self._clock()
        is_new = "person" in self._done[row.line]
        places = [] if is_new else places_of_person(self._connection, self._site, person, party)
        mine = next((one for one in places if is_there(one, now_ms)), None)
        if mine is None:
            add_member(self._connection, now_ms, self._by, PartyMember(0, party, person, role))
            self._note(row, "member")
        elif known is not None and mine.role is not known:
            self._parties.change_member(self._by, mine.id, known, mine.from_ms, mine.until_ms)
            self._note(row, "role")

    def _rename(self, row: PersonRow, person: int) -> None:
        (name,) = names_of(self._connection, [person])
        if (row.name_zh and row.name_zh != name.zh) or (row.name_en and row.name_en != name.en):
            self._persons.rename(self._by, person, Label(row.name_zh or name.zh, row.name_en or name.en))
            self._note(row, "name")

    def _traits(self, row: PersonRow, person: int) -> None:
        if not (row.born or row.tags):
            return
        traits = find_traits(self._connection, self._site, person)
        if traits is None:
            return
        if row.born and traits.born != row.born:
            self._persons.set_traits(self._by, person, row.born, traits.verified)
            self._note(row, "born")
        for tag in row.tags:
            if tag not in {one.tag for one in traits.tags}:
                self._persons.tag(self._by, person, tag)
                self._note(row, "tag")

    def _plan_of(self, row: PersonRow) -> str:
        plan = self._plans.get(row.plan.casefold())
        if plan is None:
            raise Rejected(NO_SUCH_PLAN, "plan", plan=row.plan, plans=", ".join(sorted(set(self._plans.values()))))
        return plan

    def _membership(self, row: PersonRow, person: int) -> None:
        plan = self._plan_of(row)
        from_ms, until_ms = window_of(_written(row.first_day), _written(row.last_day), self._zone)
        now_ms, asked = self._clock(), (row.first_day, row.last_day)
        for held in memberships_of(self._connection, person):
            is_over = 0 < held.end_ms <= now_ms
            asks_nothing = not (row.first_day or row.last_day) and not is_over
            if held.plan == plan and (asks_nothing or window_days(held.from_ms, held.end_ms, self._zone) == asked):
                return
        new = Membership(0, person, plan, row.payer, from_ms, until_ms)
        add_membership(self._connection, now_ms, self._by, new)
        self._note(row, "plan")

    def _digests_of(self, row: PersonRow) -> Sequence[bytes]:
        return self._cards.digests_of(row.card) if row.card else ()

    def _card(self, row: PersonRow, person: int) -> None:
        if row.card is None or has_card(self._connection, self._digests_of(row)[0], person):
            return
        self._cards.add_card(self._by, Recipient(person), row.card, row.card_name)
        self._note(row, "card")


def _written(day: date | None) -> str:
    return day.isoformat() if day else ""
