"""Roll-outs as they are stored, one row each and one for each of their devices; and whose cards lie on a device."""

from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from cloud.commands.tables import desired
from cloud.devices.event_views import visitor
from cloud.fleet.rollouts import Leg, Rollout
from cloud.fleet.tables import rollout_legs, rollouts
from cloud.people.rosters import row_pages_since
from cloud.people.tables import credentials
from cloud.store.homes import flat_of_person
from cloud.store.labels import Label
from cloud.store.schema import devices, parties, people
from cloud.store.tables import permits
from contract.roster import Page
from contract.sealing import wiring_hash

MAX_ROLLOUTS = 200
"""Rows kept; the audit tells of the others."""


def add_rollout(connection: Connection, rollout: Rollout) -> None:
    """Write a new one down; the oldest make room."""
    connection.execute(insert(rollouts).values(_head(rollout)))
    connection.execute(insert(rollout_legs), [_leg(rollout, leg) for leg in rollout.legs])
    old = list(
        connection.scalars(
            select(rollouts.c.id).order_by(rollouts.c.started_ms.desc(), rollouts.c.id).offset(MAX_ROLLOUTS)
        )
    )
    connection.execute(delete(rollout_legs).where(rollout_legs.c.rollout_id.in_(old)))
    connection.execute(delete(rollouts).where(rollouts.c.id.in_(old)))


def save_rollout(connection: Connection, rollout: Rollout) -> None:
    connection.execute(update(rollouts).where(rollouts.c.id == rollout.id).values(_head(rollout)))
    for leg in rollout.legs:
        mine = (rollout_legs.c.rollout_id == rollout.id) & (rollout_legs.c.device == leg.device)
        connection.execute(update(rollout_legs).where(mine).values(_leg(rollout, leg)))


def ask_to_stop(connection: Connection, rollout: str, why: str) -> None:
    """Whoever serves does it: what was sent is to be taken back."""
    connection.execute(update(rollouts).where(rollouts.c.id == rollout).values(stop=why))


def live_rollout(connection: Connection) -> tuple[Rollout, str] | None:
    """The one that goes on, and why a person wants it stopped, empty if nobody does."""
    row = connection.execute(_LIVE).first()
    return None if row is None else (_rollout(connection, row), row.stop or "")


def find_rollout(connection: Connection, rollout: str) -> Rollout | None:
    row = connection.execute(select(rollouts).where(rollouts.c.id == rollout)).one_or_none()
    return None if row is None else _rollout(connection, row)


def list_rollouts(connection: Connection, limit: int = 20) -> list[Rollout]:
    """The newest first."""
    return [_rollout(connection, row) for row in connection.execute(_NEWEST.limit(limit)).all()]


def known_wiring(connection: Connection, device: str, name: str) -> str:
    """The text of the wiring with that hash, if this device was ever known to have it; else an empty one."""
    texts = (
        select(desired.c.wiring).where(desired.c.device == device),
        select(devices.c.wiring).where(devices.c.name == device),
        select(rollout_legs.c.wiring).where(rollout_legs.c.device == device),
        select(rollout_legs.c.former).where(rollout_legs.c.device == device),
    )
    texts_known = {text for query in texts for text in connection.scalars(query) if text}
    return next((text for text in texts_known if wiring_hash(text.encode()) == name), "")


_HEAD = tuple(name for name in Rollout.__struct_fields__ if name != "legs")
_NEWEST = select(rollouts).order_by(rollouts.c.started_ms.desc(), rollouts.c.id)
_LIVE = _NEWEST.where((rollouts.c.state == "canary") | (rollouts.c.state == "rest"))
"""Kept ready, as are the legs: it is asked every second."""
_LEGS = (
    select(*(rollout_legs.c[name] for name in Leg.__struct_fields__))
    .where(rollout_legs.c.rollout_id == bindparam("rollout"))
    .order_by(rollout_legs.c.device)
)


def _head(rollout: Rollout) -> dict[str, object]:
    return {name: getattr(rollout, name) for name in _HEAD}


def _leg(rollout: Rollout, leg: Leg) -> dict[str, object]:
    return {"rollout_id": rollout.id, **structs.asdict(leg)}


def _rollout(connection: Connection, row: Row[Any]) -> Rollout:
    legs = connection.execute(_LEGS, {"rollout": row.id})
    return Rollout(**{name: getattr(row, name) for name in _HEAD}, legs=tuple(Leg(*leg) for leg in legs))


class Exposed(Struct, frozen=True):
    """A card in use whose digest lies on a device's disk, beside the key that makes it; and who carries it. A family
    card is no person's: then the name is that of the household or company, and a visitor's says whom they visit."""

    person: int | None
    name: Label
    unit: str | None
    label: str


def exposed_cards(connection: Connection, site: str, device: str) -> list[Exposed]:
    """The cards, not yet reported lost, of the rosters that the device had or may have fetched since it last said."""
    used = connection.execute(select(devices.c.roster_number).where(devices.c.name == device)).scalar_one()
    digests = {row.digest for blob in row_pages_since(connection, used) for row in Page(blob).rows()}
    owner = people.c.name_zh, people.c.name_en, flat_of_person
    of_people = select(*owner, credentials).join_from(credentials, people, people.c.id == credentials.c.person_id)
    party = parties.c.name_zh, parties.c.name_en, parties.c.flat.label("unit")
    of_parties = select(*party, credentials).join_from(credentials, parties, parties.c.id == credentials.c.party_id)
    of_parties = of_parties.where(parties.c.site == site)
    of_visitors = select(permits.c.flat, credentials).join_from(credentials, permits)
    visiting = connection.execute(of_visitors.where(permits.c.site == site, permits.c.ended_ms.is_(None)))
    of_permits = [
        Exposed(None, visitor(row.flat).name, row.flat or None, row.label) for row in visiting if row.digest in digests
    ]
    return of_permits + [
        Exposed(row.person_id, Label(row.name_zh, row.name_en), row.unit, row.label)
        for query in (of_people.order_by(people.c.id, credentials.c.id), of_parties.order_by(credentials.c.id))
        for row in connection.execute(query.where(credentials.c.standing != "lost"))
        if row.digest in digests
    ]
