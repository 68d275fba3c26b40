"""The use case of asking why: the rule's own walk over the grants and facts of a moment."""

from msgspec import Struct, structs
from sqlalchemy import Connection

from cloud.cards.store import CardRow, cards_with, find_card
from cloud.devices.event_views import EventView
from cloud.devices.registry import site_of
from cloud.explain.facts import FactSource, FactUsed, Gathered, facts_now, facts_then
from cloud.explain.grants import Granted, granted_at, granted_by, granted_now, granted_then
from cloud.explain.store import PointPlace, find_place, recorded_facts, unknown_point
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.store.scope import WHOLE_SITE, Scope
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.decide import Request
from contract.demands import PinVerdict
from contract.explain import Explanation, Walk, explain
from contract.reasons import Reason
from contract.recorded_facts import RecordedFacts

NOT_YET = N_("That time has not come yet.")
NO_DECISION = N_("This event is no decision about a card: there is nothing to explain.")


class Basis(Struct, frozen=True):
    """What the grants were taken from: a ``roster`` by its number, issued at ``issued_ms``, or those of today. It is
    ``as_then`` if these are the grants of the moment that was asked about."""

    roster: int | None
    issued_ms: int | None
    as_then: bool


class Explained(Struct, frozen=True):
    """Why the rule says what it says. ``recorded`` is what the device said then, ``today`` what the rule says at this
    moment, both None where that is the question itself."""

    place: PointPlace
    at_ms: int
    card: CardRow | None
    basis: Basis
    explanation: Explanation
    plans: tuple[Label | None, ...]
    facts: tuple[FactUsed, ...]
    recorded: str | None = None
    today: Reason | None = None

    @property
    def first(self) -> Walk:
        """The walk over the grant that the decision speaks of."""
        return self.explanation.walks[0]

    @property
    def plan(self) -> Label | None:
        return self.plans[0]


class WhyService:
    """The service that explains decisions. It changes nothing. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def why(self, digest: bytes, point: str, at_ms: int | None = None, *, scope: Scope = WHOLE_SITE) -> Explained:
        """Why a credential may pass at a point or may not: now, or at a moment. Raises ``Rejected``."""
        now_ms = self._clock()
        if at_ms is not None and at_ms > now_ms:
            raise Rejected(NOT_YET, "at")
        with self._store.reading(scope) as connection:
            place = find_place(connection, point)
            if place is None:
                raise unknown_point(connection, point)
            if at_ms is None:
                return _explained_now(connection, place, digest, now_ms)
            return _explained_then(connection, place, digest, at_ms, now_ms)

    def why_event(self, event: EventView, *, scope: Scope = WHOLE_SITE) -> Explained:
        """Why a device decided as an event says, by what it wrote down with it. Raises ``Rejected``."""
        digest = _bytes(event.data.get("digest"))
        with self._store.reading(scope) as connection:
            place = find_place(connection, event.point)
            if place is None or event.reason is None or not digest:
                raise Rejected(NO_DECISION, "event", 404)
            return _explained_event(connection, place, digest, event, self._clock())


def _explained_now(connection: Connection, place: PointPlace, digest: bytes, now_ms: int) -> Explained:
    granted = granted_now(connection, digest, place.name, now_ms)
    gathered = facts_now(connection, place, granted, now_ms)
    return _explained(connection, place, Request(place.name, digest), granted, gathered, now_ms, as_then=True)


def _today(connection: Connection, place: PointPlace, digest: bytes, now_ms: int) -> Reason:
    return _explained_now(connection, place, digest, now_ms).explanation.decision.reason


def _explained_then(connection: Connection, place: PointPlace, digest: bytes, at_ms: int, now_ms: int) -> Explained:
    kept = granted_at(connection, digest, place.name, at_ms)
    granted = kept or granted_now(connection, digest, place.name, now_ms)
    gathered = facts_then(connection, place, granted, at_ms)
    request = Request(place.name, digest)
    found = _explained(connection, place, request, granted, gathered, at_ms, as_then=kept is not None)
    return structs.replace(found, today=_today(connection, place, digest, now_ms))


def _explained_event(
    connection: Connection, place: PointPlace, digest: bytes, event: EventView, now_ms: int
) -> Explained:
    today = _today(connection, place, digest, now_ms)
    facts = recorded_facts(connection, event)
    if facts is not None:
        kept = granted_then(connection, digest, place.name, facts)
        found = [
            _explained_by(connection, place, digest, facts, one, as_then=bool(kept))
            for one in kept or [granted_now(connection, digest, place.name, now_ms)]
        ]
        best = next((one for one in found if one.explanation.decision.reason == event.reason), found[0])
        return structs.replace(best, recorded=event.reason, today=today)
    number = event.data.get("roster")
    of_roster = granted_by(connection, digest, place.name, number) if isinstance(number, int) else None
    granted = of_roster or granted_now(connection, digest, place.name, now_ms)
    request = Request(place.name, digest, "out" if event.data.get("direction") == "out" else "in")
    clock = FactUsed("clock", event.clock, FactSource.RECORDED)
    gathered = facts_then(connection, place, granted, event.shown_ms, clock)
    as_then = of_roster is not None
    found_then = _explained(connection, place, request, granted, gathered, event.shown_ms, as_then=as_then)
    return structs.replace(found_then, recorded=event.reason, today=today)


def _explained_by(
    connection: Connection,
    place: PointPlace,
    digest: bytes,
    recorded: RecordedFacts,
    granted: Granted,
    *,
    as_then: bool,
) -> Explained:
    """By the facts that the device wrote down."""
    facts = recorded.facts(granted.zone, granted.grants, granted.demand, granted.counted)
    gathered = Gathered(facts, _used_facts(recorded))
    request = recorded.request(place.name, digest)
    return _explained(connection, place, request, granted, gathered, recorded.now_ms, as_then=as_then)


def _explained(
    connection: Connection,
    place: PointPlace,
    request: Request,
    granted: Granted,
    gathered: Gathered,
    at_ms: int,
    *,
    as_then: bool,
) -> Explained:
    explanation = explain(request, granted.grants, gathered.facts, at_ms)
    known = cards_with(connection, site_of(connection).name, [request.digest])
    return Explained(
        place,
        at_ms,
        find_card(connection, known[0]) if known else None,
        Basis(granted.roster, granted.issued_ms, as_then),
        explanation,
        tuple(granted.plan_of(walk.grant) for walk in explanation.walks),
        gathered.used,
    )


def _used_facts(recorded: RecordedFacts) -> tuple[FactUsed, ...]:
    pin = PinVerdict.RIGHT if recorded.pin is PinVerdict.DURESS else recorded.pin
    values: tuple[tuple[str, str | int | None], ...] = (
        ("mode", recorded.mode),
        ("clock", recorded.clock),
        ("roster_age", recorded.roster_age_ms),
        ("faulted", recorded.faulted),
        ("busy", recorded.busy),
        ("pin", pin),
    )
    return tuple(FactUsed(name, value, FactSource.RECORDED) for name, value in values)


def _bytes(field: object) -> bytes:
    try:
        return bytes.fromhex(field) if isinstance(field, str) else b""
    except ValueError:
        return b""
