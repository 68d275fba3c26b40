"""The use cases of telephones: links are made and used, keys registered, replaced and ended, each with its row in the
audit."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from cloud.cards.held_keys import close_key, key_of, open_key
from cloud.cards.phone_keys import Offer
from cloud.cards.rule import CardKind, CardState, Recipient
from cloud.cards.store import NewCard, find_card, insert_card, take_back
from cloud.devices.registry import Site, site_of
from cloud.keys.keys import KeyFolder
from cloud.people.membership_store import person_ended
from cloud.people.memberships import NO_PERSON
from cloud.people.tables import guardians
from cloud.phones import store
from cloud.phones.rule import LINK_LASTS_MS, MAX_PHONES, LinkState, needs_consent
from cloud.phones.store import Phone, PhoneLink
from cloud.store.database import Clock, Store
from cloud.store.schema import people
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.secret_hash import secret_hash
from cloud.web.sentence import N_
from contract.cose import key_id_of
from contract.credentials import phone_credential
from contract.demands import Assurance
from contract.sealing import DeviceKey, credential_digest

SECRET_BYTES = 24
A_PHONE = "phone"
"""Who stands in the audit where a resident did something on their telephone."""

NEEDS_GUARDIAN = N_("Under 14 a guardian has to consent: choose who did. Nothing was changed.")
LINK_USED = N_("This link was used already: each registers one phone. Ask for a new one.")
LINK_EXPIRED = N_("This link is too old: it counts for a day. Ask for a new one.")
LINK_ENDED = N_("A newer link took the place of this one: open that, or ask for a new one.")
LINK_UNKNOWN = N_("There is no such link: open it as it was sent, whole, or ask for a new one.")
TOO_MANY = N_("Five phones are registered already: end one of them first. Nothing was changed.")
NO_PHONE = N_("There is no such phone.")

WHY_NOT = {LinkState.USED: LINK_USED, LinkState.EXPIRED: LINK_EXPIRED, LinkState.ENDED: LINK_ENDED}


class Registered(NamedTuple):
    """A telephone that was registered: whose it is, and the secret of its login, which only its cookie keeps."""

    person: int
    secret: str


class PhoneService:
    """The service that registers telephones. Any thread may use it; ``by`` is who does it. What is rejected leaves no
    trace."""

    def __init__(self, database: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = database, keys, clock

    def make_link(self, by: str, person: int, *, replaces: bool = False, guardian: int | None = None) -> str:
        """The secret of a new link, with which one telephone of this person is registered within a day. Links of
        before end with it; with ``replaces`` so do the telephones of before, once it is used. Raises ``Rejected``."""
        now_ms, secret = self._clock(), secrets.token_urlsafe(SECRET_BYTES)
        with self._store.writing() as connection:
            site = site_of(connection)
            _check_person(connection, site, person, guardian, now_ms)
            store.end_links(connection, site.name, person, now_ms)
            store.add_link(
                connection,
                site.name,
                secret_hash=secret_hash(secret),
                person_id=person,
                replaces=replaces,
                guardian_id=guardian,
                made_by=by,
                made_ms=now_ms,
                until_ms=now_ms + LINK_LASTS_MS,
            )
            detail = {} if guardian is None else {"guardian": str(guardian)}
            record(connection, now_ms, by, "phone.invited", f"person {person}", **detail)
        return secret

    def invite_by_guardian(self, guardian: int, child: int) -> str:
        """The same, made on the telephone of an adult of the household: below 14 that is a guardian, who consents.
        Raises ``Rejected``."""
        with self._store.reading() as connection:
            consents = guardian in guardians_of(connection, site_of(connection).name, child)
        return self.make_link(A_PHONE, child, replaces=True, guardian=guardian if consents else None)

    def find_link(self, secret: str) -> PhoneLink:
        """The link that still registers a telephone. Raises ``Rejected``."""
        with self._store.reading() as connection:
            return _open_link(connection, site_of(connection).name, secret, self._clock())

    def register(self, secret: str, offer: Offer | None) -> Registered:
        """Use a link: the telephone has the key that it offers, and is logged in. Without an offer it can keep none,
        and one is held for it here. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            link = _open_link(connection, site, secret, now_ms)
            phones = store.list_phones(connection, site, link.person)
            if link.replaces:
                self._end(connection, site, phones, A_PHONE, now_ms)
            elif len(phones) >= MAX_PHONES:
                raise Rejected(TOO_MANY, status=409)
            store.use_link(connection, site, link.id, now_ms)
            made = self._add_phone(connection, site, link.person, offer, secret, now_ms)
            record(connection, now_ms, A_PHONE, "phone.registered", f"person {link.person}")
        return made

    def phone_of(self, secret: str) -> Phone | None:
        """The telephone that is logged in with this secret, None if none is. Once a day it is noted that it was; and
        who shows its newest login has received it, so that the one before ends."""
        now_ms, shown = self._clock(), secret_hash(secret)
        with self._store.reading() as connection:
            site = site_of(connection).name
            phone = store.phone_of_login(connection, site, shown, now_ms)
        if phone is not None and (store.is_seen_long_ago(phone, now_ms) or ends_previous(phone, shown)):
            previous = None if ends_previous(phone, shown) else phone.previous_hash
            with self._store.writing() as connection:
                store.change_phone(connection, site, phone.id, seen_ms=now_ms, previous_hash=previous)
        return phone

    def replace_key(self, phone: Phone, shown: str, offer: Offer | None) -> str:
        """A telephone that has lost its key gets another, and the old one ends: the login ``shown`` proves whose it is,
        and ends as well. Returns the secret of the new one, so that of two telephones with a copied login only one goes
        on, and the other notices. Raises ``Rejected``."""
        now_ms, secret = self._clock(), secrets.token_urlsafe(SECRET_BYTES)
        with self._store.writing() as connection:
            site = site_of(connection).name
            self._end_key(connection, site, phone)
            credential, held = self._add_key(connection, site, phone.person, offer, phone.token, now_ms)
            login = {"login_hash": secret_hash(secret), "previous_hash": secret_hash(shown)}
            token = secrets.token_urlsafe(SECRET_BYTES)
            store.change_phone(
                connection, site, phone.id, credential_id=credential, held_key=held, token=token, **login
            )
            record(connection, now_ms, A_PHONE, "phone.key_replaced", f"person {phone.person}")
        return secret

    def end_phone(self, by: str, person: int, phone: int) -> None:
        """A telephone of somebody is logged out, and its key ends. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            mine = [one for one in store.list_phones(connection, site, person) if one.id == phone]
            if not mine:
                raise Rejected(NO_PHONE, status=404)
            self._end(connection, site, mine, by, now_ms)

    def _end(self, connection: Connection, site: str, phones: Sequence[Phone], by: str, now_ms: int) -> None:
        for phone in phones:
            self._end_key(connection, site, phone)
            store.change_phone(connection, site, phone.id, ended_ms=now_ms, ended_by=by, held_key=b"")
            record(connection, now_ms, by, "phone.ended", f"person {phone.person}")

    def _end_key(self, connection: Connection, site: str, phone: Phone) -> None:
        card = find_card(connection, phone.credential)
        if card is not None and card.state != CardState.VOID:
            take_back(connection, site, card, CardState.VOID)

    def _add_phone(
        self, connection: Connection, site: str, person: int, offer: Offer | None, challenge: str, now_ms: int
    ) -> Registered:
        secret, token = secrets.token_urlsafe(SECRET_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        credential, held = self._add_key(connection, site, person, offer, challenge, now_ms)
        login = {"login_hash": secret_hash(secret), "token": token}
        store.add_phone(connection, site, person, now_ms, credential_id=credential, held_key=held, **login)
        return Registered(person, secret)

    def _add_key(
        self, connection: Connection, site: str, person: int, offer: Offer | None, challenge: str, now_ms: int
    ) -> tuple[int, bytes]:
        """The credential of a key, and the sealed private half of one that is held here. Raises ``Rejected``."""
        key, held = key_of(offer, site, challenge)
        digest = credential_digest(self._keys.digest, phone_credential(key_id_of(key)))
        new = NewCard(
            digests=(digest,),
            label=f"...{key_id_of(key).hex()[-4:]}",
            assurance=Assurance.SIGNED,
            kind=CardKind.PHONE,
            to=Recipient(person),
            key=key,
        )
        credential, _ = insert_card(connection, site, new, now_ms)
        return credential, close_key(self._keys, held, digest)

    def held_key(self, phone: Phone) -> DeviceKey | None:
        """The private key that is held here for a telephone that can keep none. Raises ``KeysUnusable``."""
        if not phone.held_key:
            return None
        return open_key(self._keys, phone.held_key, phone.digest)


def ends_previous(phone: Phone, shown: bytes) -> bool:
    """Whether the login before ends now: somebody shows the one that took its place."""
    return phone.previous_hash is not None and shown == phone.login_hash


def _check_person(connection: Connection, site: Site, person: int, guardian: int | None, now_ms: int) -> None:
    """Raises ``Rejected`` for somebody who is not there, and for a child without a guardian's consent."""
    if person_ended(connection, person) is not False:
        raise Rejected(NO_PERSON, status=404)
    born = connection.execute(select(people.c.born).where(people.c.id == person)).scalar_one()
    local = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(site.zone))
    is_child = needs_consent(born, (local.year, local.month))
    if (is_child or guardian is not None) and guardian not in guardians_of(connection, site.name, person):
        raise Rejected(NEEDS_GUARDIAN, "guardian")


def guardians_of(connection: Connection, site: str, child: int) -> set[int]:
    """Who consents for a child."""
    query = select(guardians.c.guardian_id).where(guardians.c.site == site, guardians.c.child_id == child)
    return set(connection.execute(query).scalars())


def _open_link(connection: Connection, site: str, secret: str, now_ms: int) -> PhoneLink:
    """Raises ``Rejected`` with the one sentence for whoever opened it."""
    link = store.find_link(connection, site, secret_hash(secret), now_ms)
    if link is None:
        raise Rejected(LINK_UNKNOWN, status=404)
    if link.state is not LinkState.OPEN:
        raise Rejected(WHY_NOT[link.state], status=410)
    return link
