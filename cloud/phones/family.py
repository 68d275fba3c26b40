"""The household of somebody with its cards, as their telephone shows it; and what they may change there."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection

from cloud.cards.rule import CardState
from cloud.cards.store import CardFilter, CardRow, find_card, list_cards, set_card_standing
from cloud.devices.registry import site_of
from cloud.parties.party import AT_HOME, MemberRole, Party, PartyKind, PartyMember
from cloud.parties.store import list_party_members, parties_of_people
from cloud.people.membership_store import labels_of
from cloud.phones.rule import may_report_lost, present, speaks_for
from cloud.phones.service import A_PHONE, PhoneService
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.decide import Standing

MAX_CARDS = 50
"""Of one person or party on the page."""

NOT_YOURS = N_("That card is not yours to report. Nothing was changed.")
NO_CHILD = N_("You can make a link for a child of your household alone; adults ask the office. Nothing was changed.")


class ShownCard(Struct, frozen=True):
    """A card as a household sees it. ``may_report``: whoever looks may report it lost."""

    id: int
    label: str
    is_lost: bool
    may_report: bool


class HousemateView(Struct, frozen=True):
    """Somebody of a household. ``may_invite``: whoever looks may make a link for their telephone."""

    person: int
    name: Label
    role: MemberRole
    is_me: bool
    may_invite: bool
    cards: list[ShownCard]


class HomeView(Struct, frozen=True):
    """A flat with who lives there, and its family cards."""

    party: Party
    me: PartyMember
    relatives: list[HousemateView]
    family_cards: list[ShownCard]


def households_of(connection: Connection, site: str, person: int, now_ms: int) -> list[HomeView]:
    """The flats that somebody belongs to now."""
    mine = parties_of_people(connection, site, [person])
    at_home = [(member, party) for member, party in mine if member.role in AT_HOME and party.kind is PartyKind.FLAT]
    return [
        _household(connection, site, member, party, now_ms)
        for member, party in at_home
        if present([member], now_ms) and party.ended_ms is None
    ]


def own_cards(connection: Connection, person: int) -> list[ShownCard]:
    """The cards that somebody carries."""
    cards = list_cards(connection, CardFilter(person=person, state=CardState.ISSUED), limit=MAX_CARDS)
    return _shown(cards, may_report=True)


def _household(connection: Connection, site: str, me: PartyMember, party: Party, now_ms: int) -> HomeView:
    members = present(list_party_members(connection, site, party.id), now_ms)
    names = labels_of(connection, {one.person for one in members})
    relatives = [_relative(connection, me, one, names[one.person]) for one in members]
    family = list_cards(connection, CardFilter(party=party.id, state=CardState.ISSUED), limit=MAX_CARDS)
    return HomeView(party, me, relatives, _shown(family, may_report=may_report_lost(me, None)))


def _relative(connection: Connection, me: PartyMember, other: PartyMember, name: Label) -> HousemateView:
    may_report = may_report_lost(me, other)
    cards = own_cards(connection, other.person) if may_report else []
    may_invite = speaks_for(me.role) and other.role is MemberRole.CHILD
    return HousemateView(other.person, name, other.role, other.person == me.person, may_invite, cards)


def _shown(cards: Sequence[CardRow], *, may_report: bool) -> list[ShownCard]:
    return [
        ShownCard(
            card.id, card.label, card.standing != Standing.ACTIVE, may_report and card.standing == Standing.ACTIVE
        )
        for card in cards
    ]


class FamilyService:
    """What people change in their own household, by telephone. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock, phones: PhoneService) -> None:
        self._store, self._clock, self._phones = store, clock, phones

    def report_lost(self, person: int, card: int) -> None:
        """A card of one's own, of a child or of the whole family opens nothing any more; the desk gives it back. Raises
        ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            if card not in _reportable(connection, site, person, now_ms) or find_card(connection, card) is None:
                raise Rejected(NOT_YOURS, "card", 404)
            set_card_standing(connection, card, Standing.LOST)
            detail = {"card": str(card), "standing": Standing.LOST.value}
            record(connection, now_ms, A_PHONE, "card.changed", f"person {person}", **detail)

    def invite_child(self, person: int, child: int) -> str:
        """The secret of a link for the telephone of a child of the household: who makes it consents, if they are its
        guardian. Raises ``Rejected``."""
        with self._store.reading() as connection:
            site = site_of(connection).name
            homes = households_of(connection, site, person, self._clock())
        if not any(one.person == child and one.may_invite for home in homes for one in home.relatives):
            raise Rejected(NO_CHILD, "person", 404)
        return self._phones.invite_by_guardian(person, child)


def _reportable(connection: Connection, site: str, person: int, now_ms: int) -> set[int]:
    homes = households_of(connection, site, person, now_ms)
    shown = [card for home in homes for one in home.relatives for card in one.cards]
    shown += [card for home in homes for card in home.family_cards]
    return {card.id for card in (*own_cards(connection, person), *shown) if card.may_report}
