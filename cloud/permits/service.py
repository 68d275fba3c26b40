"""The use cases of permits: drawn up, extended once, drawn up again, ended, each with its row in the audit."""

from zoneinfo import ZoneInfo

from msgspec import Struct, structs
from sqlalchemy import Connection

from cloud.devices.registry import Site, site_of
from cloud.flats.store import find_flat
from cloud.keys.keys import KeyFolder
from cloud.parties.party import AT_HOME, MemberRole
from cloud.people.membership_store import find_plan
from cloud.people.pass_terms import note_carried
from cloud.people.plans import VISITORS
from cloud.permits import store, words
from cloud.permits.carrying import carried_pass
from cloud.permits.credentials import CredentialMaker, ToTell
from cloud.permits.kinds import KINDS, PermitKind
from cloud.permits.rule import MAX_LIVE, MAX_PER_FLAT, Permit, day_of, refusal_of, usual_end
from cloud.permits.store import PermitView
from cloud.store.database import Clock, Store
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from contract.carried_passes import issue_carried
from contract.credentials import normal_plate
from contract.decide import HOUR_MS, MINUTE_MS

MAX_NAME, MAX_GOODS = 40, 200
"""Characters."""
MAX_LISTED = 500
SHOWN_MS = 5 * MINUTE_MS
"""How long whoever draws a permit up sees its code: enough to tell it over the telephone."""
INVITERS = AT_HOME - {MemberRole.CHILD, MemberRole.HELPER}
"""Who of a household invites visitors."""


class PermitAsked(Struct, frozen=True, kw_only=True):
    """What is asked for of a new permit. Without ``from_ms`` it begins now, without ``until_ms`` it lasts as long as is
    usual. ``agreed`` is said by a guard who has rung the flat; ``card`` is one of the stock."""

    kind: PermitKind
    name: str = ""
    flat: str = ""
    from_ms: int = 0
    until_ms: int = 0
    headcount: int = 1
    plate: str = ""
    goods: str = ""
    code: bool = False
    token: bool = False
    card: int | None = None
    inviter: int | None = None
    agreed: bool = False


class Drawn(Struct, frozen=True):
    """A new permit, with the digits of its code and the text of its token: they are shown now."""

    permit: int
    code: str = ""
    token: str = ""


class PermitService:
    """The service that changes permits. Any thread may use it; ``by`` is the operator's name. With an ``inviter`` it is
    done for that resident, and reaches their own permits only. What is rejected leaves no trace."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def draw(self, by: str, asked: PermitAsked) -> Drawn:
        """Draw up a permit. Raises ``Rejected``, or ``ValueError`` for what is no name."""
        with self._store.writing() as connection:
            return self._draw(connection, by, asked)

    def invite(self, person: int, asked: PermitAsked) -> Drawn:
        """A resident draws up a permit to a flat of theirs: without a name of a flat, to the first. Raises as
        ``draw``."""
        with self._store.writing() as connection:
            homes = self._homes(connection, person)
            if not KINDS[asked.kind].by_inviter:
                raise Rejected(words.NOT_BY_YOU, "kind", 403)
            flat = asked.flat or next(iter(homes), "")
            if flat not in homes:
                raise Rejected(words.NOT_YOUR_FLAT, "flat", 403, flat=flat or "–")
            return self._draw(connection, f"person {person}", structs.replace(asked, flat=flat, inviter=person))

    def again(self, by: str, permit: int, inviter: int | None = None) -> Drawn:
        """The same once more, from now on, for as long as is usual: a second delivery by one tap. Raises as
        ``draw``."""
        with self._store.writing() as connection:
            return self._draw(connection, by, _as_before(self._known(connection, permit, inviter).permit))

    def replace(self, by: str, permit: int, inviter: int | None = None) -> Drawn:
        """End it, and draw the same up for what is left of its time: whoever it was for has lost what opened. Raises as
        ``draw``."""
        with self._store.writing() as connection:
            ended = self._end(connection, by, permit, inviter)
            rest = {"from_ms": max(ended.from_ms, self._clock()), "until_ms": ended.until_ms}
            return self._draw(connection, by, structs.replace(_as_before(ended), **rest))

    def end(self, by: str, permit: int, inviter: int | None = None) -> None:
        """It opens nothing from now on. Raises ``Rejected``."""
        with self._store.writing() as connection:
            self._end(connection, by, permit, inviter)

    def extend(self, by: str, permit: int, until_ms: int, inviter: int | None = None) -> None:
        """It ends later, once; whoever overstayed has not. Raises ``Rejected``."""
        with self._store.writing() as connection:
            known, now_ms = self._known(connection, permit, inviter).permit, self._clock()
            if known.ended_ms is not None or now_ms >= known.until_ms + known.late_ms:
                raise Rejected(words.IS_OVER, status=409)
            if known.extended_ms is not None:
                raise Rejected(words.EXTENDED_ONCE, status=409)
            if until_ms <= max(known.until_ms, now_ms):
                raise Rejected(words.ENDS_NO_LATER, "until_ms")
            _check(structs.replace(known, until_ms=until_ms), (), now_ms)
            more: dict[str, object] = {"until_ms": until_ms, "extended_ms": now_ms, "overstayed_ms": None}
            if known.clock_ms:
                more["clock_ms"] = known.clock_ms + until_ms - known.until_ms
            self._change(connection, by, known, "permit.extended", **more)

    def sign_off(self, by: str, permit: int) -> None:
        """The guard has counted what leaves by a goods slip, and it is gone. Raises ``Rejected``."""
        with self._store.writing() as connection:
            known, now_ms = self._known(connection, permit, None).permit, self._clock()
            if not known.rule.has_goods:
                raise Rejected(words.NO_GOODS_SLIP, status=409)
            if not known.counts_at(now_ms):
                raise Rejected(words.IS_SIGNED, status=409)
            done = {"out_ms": now_ms, "ended_ms": now_ms, "ended_by": by}
            self._change(connection, by, known, "permit.signed_off", **done)

    def note_left(self, by: str, permit: int) -> None:
        """A guard saw them leave, where no reader did. Raises ``Rejected``."""
        with self._store.writing() as connection:
            known, now_ms = self._known(connection, permit, None).permit, self._clock()
            if known.in_ms is None or (known.out_ms or 0) >= known.in_ms:
                raise Rejected(words.NOT_INSIDE, status=409)
            self._change(connection, by, known, "permit.left", out_ms=now_ms)

    def code_of(self, by: str, permit: int, inviter: int | None = None) -> ToTell:
        """The digits of its code, and its token, once more; who saw them stands in the audit. Raises ``Rejected``."""
        with self._store.writing() as connection:
            known, now_ms = self._known(connection, permit, inviter).permit, self._clock()
            shown = CredentialMaker(self._keys, connection, site_of(connection).name, now_ms).show(permit)
            record(connection, now_ms, by, "permit.code_shown", _subject(known))
        return shown

    def tell(self, permit: int) -> ToTell:
        """The same to whom the permit is for, on the page that is theirs: nobody else looks at it."""
        with self._store.reading() as connection:
            site = site_of(connection).name
            return CredentialMaker(self._keys, connection, site, self._clock()).show(permit)

    def just_drawn(self, by: str, permit: int) -> Drawn | None:
        """A permit with its code and token to whom drew it up a moment ago, None to everybody else."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            site = site_of(connection).name
            view = store.view_permit(connection, site, permit)
            if view is None or view.permit.drawn_by != by or now_ms - view.permit.drawn_ms >= SHOWN_MS:
                return None
            shown = CredentialMaker(self._keys, connection, site, now_ms).show(permit)
        return Drawn(permit, shown.code, shown.token)

    def find(self, permit: int) -> PermitView | None:
        with self._store.reading() as connection:
            return store.view_permit(connection, site_of(connection).name, permit)

    def of_inviter(self, person: int) -> list[PermitView]:
        """What a resident answers for. The newest comes first."""
        with self._store.reading() as connection:
            return store.permits_of_inviter(connection, site_of(connection).name, person, MAX_LISTED)

    def homes_of_inviter(self, person: int) -> list[str]:
        """The flats to which a resident may invite."""
        with self._store.reading() as connection:
            return self._homes(connection, person)

    def carry(self, permit: int, key: bytes) -> bytes:
        """The pass that the telephone with this key (33 bytes) carries to doors which have never heard of the permit;
        empty where it leads to none. Raises ``Rejected`` for a permit that is over."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            known, site = self._known(connection, permit, None).permit, site_of(connection)
            if not known.counts_at(now_ms):
                raise Rejected(words.IS_OVER, status=409)
            carried = carried_pass(connection, site, known, key, now_ms)
            if carried is None:
                return b""
            note_carried(connection, site.name, permit, carried.until_s * 1000)
        return issue_carried(carried, self._keys.passes)

    def _end(self, connection: Connection, by: str, permit: int, inviter: int | None) -> Permit:
        known, now_ms = self._known(connection, permit, inviter).permit, self._clock()
        if not known.counts_at(now_ms):
            raise Rejected(words.IS_OVER, status=409)
        store.end_permit(connection, site_of(connection).name, permit, by, now_ms)
        record(connection, now_ms, by, "permit.ended", _subject(known), kind=known.kind)
        return known

    def _draw(self, connection: Connection, by: str, asked: PermitAsked) -> Drawn:
        now_ms, site = self._clock(), site_of(connection)
        new = self._new(connection, site, by, asked, now_ms)
        made = [kind for kind, wanted in (("code", asked.code), ("token", asked.token)) if wanted]
        made += ["plate"] if new.plate else []
        made += ["card"] if asked.card is not None else []
        new = structs.replace(new, made=",".join(made))
        new = self._to_flat(connection, site, new, now_ms)
        _check(new, made, now_ms)
        if store.live_permits(connection, site.name, now_ms) >= MAX_LIVE:
            raise Rejected(words.TOO_MANY_LIVE, status=409, most=MAX_LIVE)
        added = store.add_permit(connection, site.name, new)
        maker = CredentialMaker(self._keys, connection, site.name, now_ms)
        shown = maker.make(structs.replace(new, id=added), code=asked.code, token=asked.token, card=asked.card)
        detail = {"kind": new.kind.value} | ({"agreed": "yes"} if new.agreed_ms is not None else {})
        record(connection, now_ms, by, "permit.drawn", f"permit {added}", **detail)
        return Drawn(added, shown.code, shown.token)

    def _new(self, connection: Connection, site: Site, by: str, asked: PermitAsked, now_ms: int) -> Permit:
        rule = KINDS[asked.kind]
        if rule.asks_flat and not asked.agreed:
            raise Rejected(words.NOT_ASKED, "agreed")
        if rule.plan and rule.plan != VISITORS and find_plan(connection, rule.plan) is None:
            raise Rejected(words.NO_RIDERS, "kind", 409, plan=rule.plan)
        from_ms = asked.from_ms or now_ms
        return Permit(
            kind=asked.kind,
            plan=rule.plan,
            name=clean_text(asked.name, MAX_NAME),
            flat=clean_text(asked.flat, MAX_NAME),
            inviter=asked.inviter,
            drawn_by=by,
            drawn_ms=now_ms,
            from_ms=from_ms,
            until_ms=asked.until_ms or usual_end(rule, from_ms, ZoneInfo(site.zone)),
            early_ms=rule.early_ms,
            late_ms=rule.late_ms,
            uses=rule.uses,
            clock_ms=rule.clock_ms,
            headcount=asked.headcount,
            plate=_plate(asked.plate),
            goods=clean_text(asked.goods, MAX_GOODS),
            agreed_by=by if asked.agreed else "",
            agreed_ms=now_ms if asked.agreed else None,
        )

    def _to_flat(self, connection: Connection, site: Site, new: Permit, now_ms: int) -> Permit:
        """The same to the flat under its own name. Raises ``Rejected`` for one that nobody can be invited to, or that
        has had enough permits today."""
        if not new.flat:
            return new
        flat = find_flat(connection, site.name, new.flat)
        if flat is None:
            raise Rejected(words.NO_SUCH_FLAT, "flat", 404)
        if flat.vacant and not new.rule.to_vacant:
            raise Rejected(words.IS_VACANT, "flat", 409, flat=flat.name)
        homes = None if new.inviter is None else store.homes_of_person(connection, site.name, new.inviter, now_ms)
        if homes is not None and flat.name not in homes:
            raise Rejected(words.INVITER_LEFT, "flat", 409, flat=flat.name)
        today_ms, _ = day_of(now_ms, ZoneInfo(site.zone))
        if store.drawn_since(connection, site.name, flat.name, today_ms) >= MAX_PER_FLAT:
            raise Rejected(words.TOO_MANY_TODAY, "flat", 409, flat=flat.name, most=MAX_PER_FLAT)
        return structs.replace(new, flat=flat.name)

    def _homes(self, connection: Connection, person: int) -> list[str]:
        return store.homes_of_person(connection, site_of(connection).name, person, self._clock(), INVITERS)

    def _known(self, connection: Connection, permit: int, inviter: int | None) -> PermitView:
        view = store.view_permit(connection, site_of(connection).name, permit)
        if view is None or (inviter is not None and view.permit.inviter != inviter):
            raise Rejected(words.NO_PERMIT, status=404)
        return view

    def _change(self, connection: Connection, by: str, known: Permit, action: str, **values: object) -> None:
        store.change_permit(connection, site_of(connection).name, known.id, **values)
        record(connection, self._clock(), by, action, _subject(known), kind=known.kind)


def _as_before(earlier: Permit) -> PermitAsked:
    """What an earlier permit asked for. A card was another one's, and a flat is rung each time."""
    made = earlier.made.split(",")
    return PermitAsked(
        kind=earlier.kind,
        name=earlier.name,
        flat=earlier.flat,
        headcount=earlier.headcount,
        plate=earlier.plate,
        goods=earlier.goods,
        code="code" in made or "card" in made,
        token="token" in made,
        inviter=earlier.inviter,
    )


def _check(permit: Permit, made: list[str] | tuple[str, ...], now_ms: int) -> None:
    refusal = refusal_of(permit, made, now_ms)
    if refusal is not None:
        values = {"hours": permit.rule.most_ms // HOUR_MS, "people": permit.rule.most_people}
        raise Rejected(words.REFUSALS[refusal], refusal, **values)


def _plate(text: str) -> str:
    try:
        return normal_plate(text) if text.strip() else ""
    except ValueError:
        raise Rejected(words.NO_PLATE, "plate") from None


def _subject(permit: Permit) -> str:
    return f"permit {permit.id}"
