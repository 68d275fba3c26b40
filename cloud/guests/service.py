"""The use cases of links for guests: made by an inviter, opened by one telephone, which then carries a pass."""

import secrets
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct, structs
from sqlalchemy import Connection

from cloud.cards.held_keys import close_key, key_of, open_key
from cloud.cards.phone_keys import Offer
from cloud.cards.slots import Slot, carried_ahead
from cloud.devices.registry import site_of
from cloud.guests import store
from cloud.guests.rule import GuestLink, InvitationState
from cloud.keys.keys import KeyFolder
from cloud.permits.rule import Permit, pass_span
from cloud.permits.service import Drawn, PermitService
from cloud.permits.words import IS_OVER, NO_PERMIT
from cloud.store.database import Clock, JoinedStore, Store
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.secret_hash import secret_hash
from cloud.web.sentence import N_
from contract.cose import key_id_of

SECRET_BYTES = 16
A_GUEST = "guest"
"""Who stands in the audit where a guest did something on their telephone."""

OPENS_NOTHING = N_("This permit opens no door: there is nothing to send.")
WAS_OPENED = N_("A phone has opened the link already: make a new one, which ends what that phone carries.")
NO_LINK = N_("There is no such invitation: open the link as it was sent, whole, or ask who invited you.")
ELSEWHERE = N_("Another phone has opened this link: key the code, or ask who invited you for another.")
ENDED = N_("This invitation is over: ask who invited you.")


class GuestPage(Struct, frozen=True):
    """What the page of a link shows. To the telephone that has opened it: the ``digits`` of the permit's code; and the
    pass that was signed for its key (``key_id`` in hex), with ``slots`` where that key is held here."""

    state: InvitationState
    permit: Permit | None = None
    digits: str = ""
    key_id: str = ""
    carried: bytes = b""
    slots: Sequence[Slot] = ()


class GuestService:
    """The service of the links that inviters send. Any thread may use it. What is rejected leaves no trace."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def make_link(self, person: int, permit: int) -> str:
        """The secret of a new link to a permit of this inviter's. One that nobody has opened ends with it. Raises
        ``Rejected``."""
        secret, now_ms = secrets.token_urlsafe(SECRET_BYTES), self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            known = self._permits(connection).find(permit)
            if known is None or known.permit.inviter != person:
                raise Rejected(NO_PERMIT, status=404)
            if not known.permit.counts_at(now_ms):
                raise Rejected(IS_OVER, status=409)
            if known.permit.rule.has_goods:
                raise Rejected(OPENS_NOTHING, status=409)
            before = store.link_of_permit(connection, site, permit)
            if before is not None and before.opened_ms is not None:
                raise Rejected(WAS_OPENED, status=409)
            store.add_link(connection, site, permit, secret_hash(secret), now_ms)
            record(connection, now_ms, f"person {person}", "guest.link_made", f"permit {permit}")
        return secret

    def replace(self, person: int, permit: int) -> tuple[Drawn, str]:
        """The guest's telephone is lost, or somebody else has opened the link: what that carries ends, and the same is
        drawn up for the rest of the time, with a new code, and the secret of a new link. Raises ``Rejected``."""
        with self._store.writing() as connection:
            drawn = self._permits(connection).replace(f"person {person}", permit, person)
            joined = GuestService(JoinedStore(connection), self._keys, self._clock)
            return drawn, joined.make_link(person, drawn.permit)

    def opened(self, invited: Sequence[int]) -> dict[int, int]:
        """When a telephone opened the links of these permits (UTC milliseconds), by permit."""
        with self._store.reading() as connection:
            return store.opened_links(connection, site_of(connection).name, invited)

    def look(self, secret: str, page: str) -> GuestPage:
        """What a link shows to a browser whose cookie holds ``page``. The telephone that has opened it gets its next
        pass when the last one has ended. Raises ``Rejected`` for no link, ``KeysUnusable`` for a database of other
        keys."""
        with self._store.reading() as connection:
            link, permit = self._known(connection, secret)
            state = link.state(secret_hash(page)) if permit.counts_at(self._clock()) else InvitationState.OVER
            digits = self._permits(connection).tell(permit.id).code if state is InvitationState.MINE else ""
        if state is not InvitationState.MINE:
            return GuestPage(state, permit)
        if link.carried_until_ms <= self._clock():
            link = self._next_pass(secret)
        shown = GuestPage(state, permit, digits)
        if not link.carried:
            return shown
        slots = self._slots(link) if link.held_key else ()
        return structs.replace(shown, key_id=key_id_of(link.key).hex(), carried=link.carried, slots=slots)

    def open(self, secret: str, offer: Offer | None) -> str:
        """A telephone opens a link, with the key that it offers; returns what its cookie holds from then on. Raises
        ``Rejected``: a link is opened once."""
        page = secrets.token_urlsafe(SECRET_BYTES)
        with self._store.writing() as connection:
            link, permit = self._known(connection, secret)
            if not permit.counts_at(self._clock()):
                raise Rejected(ENDED, status=410)
            if link.opened_ms is not None:
                raise Rejected(ELSEWHERE, status=410)
            site, now_ms = site_of(connection).name, self._clock()
            key, held = key_of(offer, site, secret)
            store.change_link(
                connection,
                site,
                link.id,
                opened_ms=now_ms,
                page_hash=secret_hash(page),
                key=key,
                held_key=close_key(self._keys, held, key),
            )
            record(connection, now_ms, A_GUEST, "guest.link_opened", f"permit {permit.id}")
            self._sign(connection, structs.replace(link, key=key), permit)
        return page

    def _next_pass(self, secret: str) -> GuestLink:
        with self._store.writing() as connection:
            link, permit = self._known(connection, secret)
            return self._sign(connection, link, permit)

    def _sign(self, connection: Connection, link: GuestLink, permit: Permit) -> GuestLink:
        site, now_ms = site_of(connection), self._clock()
        carried = self._permits(connection).carry(permit.id, link.key)
        until_ms = pass_span(permit, ZoneInfo(site.zone), now_ms)[1]
        store.change_link(connection, site.name, link.id, carried=carried, carried_until_ms=until_ms)
        record(connection, now_ms, A_GUEST, "guest.pass_signed", f"permit {permit.id}")
        return structs.replace(link, carried=carried, carried_until_ms=until_ms)

    def _known(self, connection: Connection, secret: str) -> tuple[GuestLink, Permit]:
        """Raises ``Rejected``."""
        link = store.link_of(connection, site_of(connection).name, secret_hash(secret))
        view = self._permits(connection).find(link.permit) if link is not None else None
        if link is None or view is None:
            raise Rejected(NO_LINK, status=404)
        return link, view.permit

    def _slots(self, link: GuestLink) -> Sequence[Slot]:
        return carried_ahead(link.carried, link.key, open_key(self._keys, link.held_key, link.key), self._clock())

    def _permits(self, connection: Connection) -> PermitService:
        return PermitService(JoinedStore(connection), self._keys, self._clock)
