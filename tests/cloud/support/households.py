"""The property office's services over one database, at a clock that the test holds."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from msgspec import structs

from cloud.app import DOMAINS
from cloud.bars.service import BarService
from cloud.cards.rule import Card, Recipient
from cloud.cards.service import CardService
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.office.moving import MovingService
from cloud.office.party_service import PartyService
from cloud.office.party_store import DueLine, PartyView, list_due, view_party
from cloud.office.person_service import PersonService
from cloud.parties.party import MemberRole, PartyKind
from cloud.people.community import load_community
from cloud.people.grants import Compiled, compile_people
from cloud.people.members import OPEN_NOTHING, Membership
from cloud.people.memberships import MembershipService
from cloud.people.plans import Plan
from cloud.people.service import PeopleService
from cloud.people.store import add_plan, find_membership, find_person
from cloud.pins.service import PinService
from cloud.store.database import Store
from cloud.store.labels import Label
from cloud.web.operators import AuditEntry, list_audit
from contract.decide import Standing, Tier
from contract.roster import Row, unpack_rows

NOW_MS = 1_800_000_000_000
"""A Friday in 2027, 16:00 in Shanghai."""
SHANGHAI = ZoneInfo("Asia/Shanghai")
BY = "office"


class PropertyOffice:
    """The desk of Sunny Court. People are known by their English names, each with a card."""

    def __init__(self, store: Store, keys: KeyFolder) -> None:
        self.store, self.keys, self.now_ms = store, keys, NOW_MS
        self.people = PeopleService(store, self.clock)
        self.cards_service = CardService(store, keys, self.clock)
        self.persons = PersonService(store, self.clock)
        self.memberships = MembershipService(store, self.clock)
        self.parties = PartyService(store, self.clock)
        self.bars = BarService(store, keys, self.clock)
        self.pins = PinService(store, keys, self.clock)
        self.moving = MovingService(store, self.clock, [step for domain in DOMAINS for step in domain.moving])
        self._cards = 50_000

    def clock(self) -> int:
        return self.now_ms

    def person(self, name: str, flat: str = "") -> int:
        """Somebody new with a card, in a flat or in none."""
        added = self.people.add_person(BY, Label(name, name), flat)
        self.give_card(added, f"card of {name}")
        return added

    def give_card(self, person: int, label: str = "") -> None:
        self._cards += 1
        self.cards_service.add_card(BY, Recipient(person), Card("H10301", 21, self._cards), label)

    def family(self, flat: str, *names: str) -> list[int]:
        """Adults of one flat."""
        return [self.person(name, flat) for name in names]

    def party_of(self, person: int) -> int:
        """The household that somebody belongs to."""
        with self.store.reading() as connection:
            community = load_community(connection)
        return next(stay.member.party for stay in community.stays if stay.member.person == person)

    def company(self, name: str) -> int:
        return self.parties.add(BY, PartyKind.COMPANY, Label(name, name))

    def plan(self, plan: Plan) -> None:
        with self.store.writing() as connection:
            add_plan(connection, plan)

    def give(self, plan: str, person: int | None, *, payer: bool = False, party: int | None = None) -> int:
        return self.memberships.add(BY, Membership(0, person, plan, payer, party=party))

    def held(self, membership: int) -> Membership:
        with self.store.reading() as connection:
            found = find_membership(connection, membership)
        assert found is not None
        return found

    def place(self, party: int, person: int) -> int:
        """The id of somebody's place in a party."""
        return next(one.id for one in self.view(party).members if one.person == person)

    def join(self, party: int, person: int, role: MemberRole, until_ms: int = 0) -> int:
        return self.parties.add_member(BY, party, person, role, 0, until_ms)

    def view(self, party: int) -> PartyView:
        with self.store.reading() as connection:
            found = view_party(connection, site_of(connection).name, party, self.now_ms)
        assert found is not None
        return found

    def due(self) -> list[DueLine]:
        with self.store.reading() as connection:
            return list_due(connection, site_of(connection).name, self.now_ms, SHANGHAI)

    def compiled(self) -> dict[int, Compiled]:
        with self.store.reading() as connection:
            return compile_people(load_community(connection), self.now_ms)

    def rows(self, person: int) -> list[Row]:
        """What the next roster says of somebody, as far as it opens anything now."""
        return self._open(self.compiled()[person].rows)

    def _open(self, packed: bytes) -> list[Row]:
        now_s = self.now_ms // 1000
        return [
            row
            for row in unpack_rows(packed)
            if (row.standing is Standing.ACTIVE or (row.tier is Tier.RESIDENT and row.standing not in OPEN_NOTHING))
            and row.valid_from_s <= now_s
            and (not row.valid_until_s or now_s < row.valid_until_s)
        ]

    def plans_open_to(self, person: int) -> set[str]:
        """The plans whose zones open to somebody now."""
        return self.open_plans()[person]

    def open_plans(self) -> dict[int, set[str]]:
        """The plans whose zones open to each person now."""
        with self.store.reading() as connection:
            community = load_community(connection)
        by_number = {number: profile.plan for profile, number in community.profiles.items()}
        compiled = compile_people(community, self.now_ms)
        return {person: {by_number[row.profile] for row in self._open(rows.rows)} for person, rows in compiled.items()}

    def has_home(self, person: int) -> bool:
        return "resident" in self.plans_open_to(person)

    def cards(self, person: int) -> Sequence[str]:
        with self.store.reading() as connection:
            found = find_person(connection, person)
        assert found is not None
        return [card.label for card in found.cards]

    def audit(self, limit: int = 500) -> list[AuditEntry]:
        """The newest row comes first."""
        with self.store.reading() as connection:
            return list_audit(connection, limit=limit)

    def actions(self, count: int) -> list[str]:
        """What the newest rows of the audit say was done, in the order it was done."""
        return [entry.action for entry in reversed(self.audit(count))]


def yearly_family(plan: Plan, name: str = "family-year", places: int = 4) -> Plan:
    """A plan of a term that a family shares."""
    return structs.replace(plan, name=name, places=places, label=Label("家庭年卡", "Family year"))
