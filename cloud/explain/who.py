"""The use case of asking who or what opened a point: the question is on record, and so is a look at whom it names."""

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct, structs
from sqlalchemy import Connection, select

from cloud.cards.rule import CardKind
from cloud.devices.event_views import EventView
from cloud.devices.registry import site_of
from cloud.explain.rule import Answer, Cause, PointOpening, answer
from cloud.explain.store import (
    PointPlace,
    find_place,
    kinds_of_credentials,
    mode_ordered_by,
    read_record,
    unknown_point,
)
from cloud.store.database import Clock, Store
from cloud.store.labels import Person
from cloud.store.schema import people
from cloud.store.scope import WHOLE_SITE, Scope
from cloud.web.looks import add_look
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.decide import Mode

NOT_YET = N_("That time has not come yet.")
TODAY_ONLY = N_("You see who it was today only. Ask the property office about other days.")


class Told(Struct, frozen=True):
    """An opening as it is told: with the event that says so, and who it was as far as the reader may know."""

    opening: PointOpening
    event: EventView | None
    person: Person | None = None
    by: str = ""
    reason: str = ""

    @property
    def is_nobody(self) -> bool:
        """Whether it was somebody with a credential that nobody has any more."""
        return self.person is None and bool(self.opening.holder or self.opening.digest)


class WhoOpened(Struct, frozen=True):
    """The answer to who or what opened a point."""

    place: PointPlace
    answer: Answer
    openings: tuple[Told, ...]


class Asker(Struct, frozen=True):
    """Who asks: an operator, with the login that sees what they have looked at; ``scope`` is what they see."""

    name: str
    login: bytes = b""
    scope: Scope = WHOLE_SITE


class WhoService:
    """The service that says who or what opened a point. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def ask(self, asker: Asker, point: str, at_ms: int, purpose: str, *, lasts_ms: int = 0) -> WhoOpened:
        """What opened a point at a moment that lasts so long: a minute where seconds were not said. Raises
        ``Rejected``."""
        now_ms = self._clock()
        if at_ms > now_ms:
            raise Rejected(NOT_YET, "at")
        if at_ms < asker.scope.named_since_ms:
            raise Rejected(TODAY_ONLY, "at", 403)
        with self._store.reading(asker.scope) as connection:
            place = find_place(connection, point)
            if place is None:
                raise unknown_point(connection, point)
        # What concerns the point is read whole: an emergency stands in no zone's own rows, and frees it all the same.
        with self._store.reading() as connection:
            found = _answer(connection, place, at_ms, at_ms + lasts_ms, now_ms)
        self._note(asker, found, at_ms, purpose, now_ms)
        return found

    def _note(self, asker: Asker, found: WhoOpened, at_ms: int, purpose: str, now_ms: int) -> None:
        holders = {bytes.fromhex(told.opening.holder) for told in found.openings if told.person is not None}
        with self._store.writing() as connection:
            site = site_of(connection)
            named = connection.execute(select(people.c.id).where(people.c.holder.in_(holders))).scalars().all()
            for person in named:
                add_look(connection, site.name, person, asker.name, asker.login, purpose, now_ms)
            local = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(site.zone))
            at = f"{local:%Y-%m-%d %H:%M}"
            record(connection, now_ms, asker.name, "opening.asked", found.place.name, purpose=purpose, at=at)


def _answer(connection: Connection, place: PointPlace, from_ms: int, to_ms: int, now_ms: int) -> WhoOpened:
    found = read_record(connection, place, from_ms, to_ms, now_ms)
    answered = answer(found.accounts, found.doubts, from_ms, to_ms)
    digests = [bytes.fromhex(one.digest) for one in answered.openings if one.digest]
    kinds = kinds_of_credentials(connection, site_of(connection).name, digests)
    told = [_told(connection, place, one, found.events.get(one.arrival), kinds) for one in answered.openings]
    return WhoOpened(place, answered, tuple(told))


def _told(
    connection: Connection, place: PointPlace, one: PointOpening, event: EventView | None, kinds: dict[bytes, str]
) -> Told:
    if one.cause is Cause.CARD and one.digest and kinds.get(bytes.fromhex(one.digest)) == CardKind.CODE:
        one = structs.replace(one, cause=Cause.CODE)
    by, reason = one.by, one.reason
    if one.cause is Cause.HELD_OPEN:
        by, reason = mode_ordered_by(connection, place.name, Mode.HOLD_OPEN, one.to_ms)
    return Told(one, event, event.person if event else None, by, reason)
