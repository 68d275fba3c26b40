"""What the rules about PINs ask of a person, and the mark of who overrides a lockdown."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from cloud.cards.pin_store import PinCard, pin_cards
from cloud.people.community import load_people
from cloud.people.grants import holders
from cloud.people.holdings import holdings
from cloud.store.revision import touch
from cloud.store.schema import people, sites
from contract.decide import Tier


class PinHolder(NamedTuple):
    """A person as far as their PIN goes. ``born`` is a month such as 1957-03, empty if not known; who is ``ended`` is
    given none any more."""

    born: str
    is_ended: bool
    is_staff: bool
    may_override: bool
    cards: list[PinCard]

    @property
    def lacking(self) -> list[PinCard]:
        """Those of the cards that have no PIN."""
        return [card for card in self.cards if card.pin_digits is None]

    @property
    def digits(self) -> int:
        """How many the shortest PIN of the cards has; 0 if no card has one."""
        return min((card.pin_digits for card in self.cards if card.pin_digits), default=0)


def find_pin_holder(connection: Connection, site: str, person: int, now_ms: int) -> PinHolder | None:
    """None if there is no such person."""
    columns = people.c.born, people.c.ended_ms, people.c.override
    row = connection.execute(select(*columns).where(people.c.id == person)).first()
    if row is None:
        return None
    is_staff = _is_staff(connection, person, now_ms)
    return PinHolder(row.born, row.ended_ms is not None, is_staff, row.override, pin_cards(connection, site, person))


def _is_staff(connection: Connection, person: int, now_ms: int) -> bool:
    """Whether somebody passes as staff, or will: by a plan of that tier, their own or their party's."""
    found = load_people(connection, [person])
    plans, zone = {plan.name: plan for plan in found.plans}, ZoneInfo(found.zone)
    held = (one for who in holders(found) for one in holdings(who, plans, zone, now_ms))
    return any(one.plan.tier is Tier.STAFF and not 0 < one.until_ms <= now_ms for one in held)


def set_override(connection: Connection, person: int, *, may_override: bool) -> None:
    connection.execute(update(people).where(people.c.id == person).values(override=may_override))
    touch(connection, (person,))


def allows_duress(connection: Connection) -> bool:
    """Whether staff of the site may signal duress with their PIN."""
    return bool(connection.execute(select(sites.c.duress)).scalar_one())
