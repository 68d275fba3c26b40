"""People, what they hold and where they may go: read whole for the rosters, changed piece by piece.

Whatever may change a roster counts the site's revision up.
"""

import secrets
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, insert, select, update

from cloud.keys.keys import NumberSeal
from cloud.people.grants import Community, Credential, Point
from cloud.people.members import Membership, Person
from cloud.people.plans import Hours, Plan
from cloud.store.revision import touch
from cloud.store.schema import (
    credentials,
    households,
    memberships,
    people,
    plans,
    points,
    schedules,
    sites,
)
from contract import credentials as cards
from contract.decide import Standing, Tier
from contract.roster import HOLDER_BYTES, Rations
from contract.schedules import Schedule
from contract.sealing import DigestKey, credential_digest


def load_community(connection: Connection) -> Community:
    """All that the grants of the site are made of."""
    run = connection.execute
    return Community(
        zone=run(select(sites.c.zone)).scalar_one(),
        plans=[
            Plan(
                name=row.name,
                tier=Tier(row.tier),
                fee_yuan=row.fee_yuan,
                places=row.places,
                opens=row.opens,
                label_zh=row.label_zh,
                label_en=row.label_en,
                allotments=msgspec.convert(row.allotments, dict[str, Rations]),
                resets=tuple(row.resets),
            )
            for row in run(select(plans).order_by(plans.c.name))
        ],
        people=[Person(*row) for row in run(select(people.c.id, people.c.holder, people.c.household_id))],
        memberships=[_membership(row) for row in run(select(memberships))],
        credentials=[
            Credential(row.person_id, row.digest, Standing(row.standing))
            for row in run(select(credentials.c.person_id, credentials.c.digest, credentials.c.standing))
        ],
        points=[
            Point(*row)
            for row in run(
                select(points.c.name, points.c.zone, points.c.device, points.c["class"]).order_by(points.c.name)
            )
        ],
        schedules={row.name: _schedule(row.week) for row in run(select(schedules).order_by(schedules.c.name))},
    )


def find_membership(connection: Connection, membership: int) -> Membership | None:
    row = connection.execute(select(memberships).where(memberships.c.id == membership)).first()
    return None if row is None else _membership(row)


def memberships_of(connection: Connection, person: int) -> list[Membership]:
    """All that somebody holds or has held."""
    return [
        _membership(row) for row in connection.execute(select(memberships).where(memberships.c.person_id == person))
    ]


def _membership(row: Any) -> Membership:
    return Membership(row.id, row.person_id, row.plan, row.payer, row.from_ms, row.until_ms, Standing(row.standing))


def _schedule(week: list[list[list[int]]]) -> Schedule:
    return Schedule(week=tuple(tuple((start, end) for start, end in day) for day in week))


def add_plan(connection: Connection, plan: Plan) -> None:
    labels = {"label_zh": plan.label_zh, "label_en": plan.label_en}
    values = {"name": plan.name, "tier": plan.tier, "fee_yuan": plan.fee_yuan, "places": plan.places}
    gives = {"opens": dict(plan.opens), "allotments": msgspec.to_builtins(plan.allotments), "resets": plan.resets}
    connection.execute(insert(plans).values(**values, **gives, **labels))
    touch(connection)


def add_hours(connection: Connection, hours: Hours) -> None:
    labels = {"label_zh": hours.label_zh, "label_en": hours.label_en}
    connection.execute(insert(schedules).values(name=hours.name, week=hours.schedule.week, **labels))
    touch(connection)


def add_household(connection: Connection, unit: str) -> int:
    """The new household's id. ``unit`` is building and flat."""
    return int(connection.execute(insert(households).values(unit=unit).returning(households.c.id)).scalar_one())


def add_person(
    connection: Connection, name_zh: str, name_en: str, household: int | None = None, holder: bytes | None = None
) -> int:
    """The new person's id. ``holder`` is random unless given (8 bytes)."""
    values = {"name_zh": name_zh, "name_en": name_en, "household_id": household}
    holder = holder or secrets.token_bytes(HOLDER_BYTES)
    made = connection.execute(insert(people).values(holder=holder, **values).returning(people.c.id)).scalar_one()
    touch(connection)
    return int(made)


def add_membership(connection: Connection, membership: Membership) -> int:
    """The new membership's id; its own ``id`` is not looked at."""
    values = {"person_id": membership.person, "plan": membership.plan, "payer": membership.payer}
    window = {"from_ms": membership.from_ms, "until_ms": membership.until_ms, "standing": membership.standing}
    made = connection.execute(insert(memberships).values(**values, **window).returning(memberships.c.id)).scalar_one()
    touch(connection)
    return int(made)


def set_membership_standing(connection: Connection, membership: int, standing: Standing) -> bool:
    """False if there is no such membership."""
    mine = memberships.c.id == membership
    done = connection.execute(update(memberships).where(mine).values(standing=standing)).rowcount == 1
    touch(connection)
    return done


def set_membership_window(connection: Connection, membership: int, from_ms: int, until_ms: int) -> bool:
    """False if there is no such membership."""
    values = {"from_ms": from_ms, "until_ms": until_ms}
    done = connection.execute(update(memberships).where(memberships.c.id == membership).values(**values)).rowcount == 1
    touch(connection)
    return done


class Card(NamedTuple):
    """A card as people write it: format, facility (None where the format has none) and number."""

    format: str
    facility: int | None
    number: int

    def digest(self, key: DigestKey) -> bytes:
        """Raises ``ValueError`` or ``KeyError`` if there can be no such card."""
        canonical = cards.canonical(cards.encode(self.format, number=self.number, facility=self.facility))
        if canonical is None:
            raise ValueError(f"{self.format} makes no valid card of {self.number}")
        return credential_digest(key, canonical)

    def text(self) -> str:
        return f"{self.format}:{'' if self.facility is None else self.facility}:{self.number}"

    @classmethod
    def from_text(cls, text: str) -> "Card":
        name, facility, number = text.split(":")
        return cls(name, int(facility) if facility else None, int(number))


def add_card(
    connection: Connection,
    person: int,
    card: Card,
    label: str,
    *,
    digest_key: DigestKey,
    numbers: NumberSeal,
    now_ms: int,
) -> int:
    """The new credential's id. Raises ``ValueError`` for a card that cannot be, SQLAlchemy's ``IntegrityError`` for
    one that somebody has already."""
    digest = card.digest(digest_key)
    sealed = numbers.close(card.text(), digest)
    values = {"person_id": person, "kind": "card", "digest": digest, "sealed": sealed, "label": label}
    added = insert(credentials).values(**values, standing=Standing.ACTIVE, added_ms=now_ms)
    made = connection.execute(added.returning(credentials.c.id)).scalar_one()
    touch(connection)
    return int(made)


def card_of(connection: Connection, credential: int, numbers: NumberSeal) -> Card:
    """The card of a credential, decrypted. Raises ``KeysUnusable``."""
    mine = select(credentials.c.sealed, credentials.c.digest).where(credentials.c.id == credential)
    row = connection.execute(mine).one()
    return Card.from_text(numbers.open(row.sealed, row.digest))


def set_card_standing(connection: Connection, credential: int, standing: Standing) -> bool:
    """Suspend, lose or restore a card. False if there is no such credential."""
    mine = credentials.c.id == credential
    done = connection.execute(update(credentials).where(mine).values(standing=standing)).rowcount == 1
    touch(connection)
    return done
