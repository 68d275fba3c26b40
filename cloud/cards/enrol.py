"""Enrolment by tap: a clerk chooses a reader and whom the card is for; what its device seals becomes their card.

The device answers once, as the command's result. It is used once, by the thread that looks for it, and only while the
enrolment waits: what comes later, or twice, or from another device, changes nothing.
"""

import logging
import secrets
from collections.abc import Mapping

from sqlalchemy import Connection

from cloud.cards import enrolment_store, store
from cloud.cards.enrolment_store import DeskLoop, EnrolmentView
from cloud.cards.rule import Card, CardState, Recipient, end_of_number
from cloud.cards.service import (
    CARD_HELD,
    CARD_TAKEN,
    CARD_VOID,
    MAX_LABEL,
    CardService,
    check_recipient,
    subject,
)
from cloud.cards.store import NewCard, seal_card
from cloud.cards.unknown_reads import find_unknown_read
from cloud.commands.service import CommandService, NoSuchCommand, NoSuchPlace
from cloud.commands.store import find_order, find_point, forget_data
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.store.database import Clock, Store
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.commands import MAX_ENROL_MS
from contract.decide import Direction
from contract.sealing import enrol_statement

WINDOW_MS = 120_000
LOOP_WINDOW_MS = MAX_ENROL_MS
"""In a loop the next person may have to be called first."""
ANSWERED_WITHIN_MS = 15_000
"""How long after its window an answer may be on its way: the lifetime of a command, and a slow line."""
REASON = "enrolment"
"""What the journal of the device is told of why: it learns nobody's name."""
LOOP_BYTES = 8

log = logging.getLogger(__name__)

NO_READER = N_("Choose a reader: there is no such point, or no device is registered for it.")
NOT_A_READER = N_("This kind of point has no reader for cards.")
OFFLINE = N_("The device of this reader is offline. Nothing was done.")
BUSY_READER = N_("Another clerk (%(by)s) is enrolling at this reader: wait, or choose another one.")
NO_ENROLMENT = N_("There is no such enrolment.")
IS_OVER = N_("This enrolment is over.")
NOTHING_TO_UNDO = N_("There is nothing to undo: this card was given to somebody else since, or was taken back.")
NOBODY_LEFT = N_("Everybody here has a card.")
NO_LOOP = N_("There is no such list, or it has ended.")
NOT_UNKNOWN = N_("That read is older than five minutes, or was not of an unknown card. Hold the card there again.")


class EnrolmentService:
    """The service of enrolments at readers. Any thread may use it; ``settle`` is for one alone."""

    def __init__(
        self, store: Store, keys: KeyFolder, commands: CommandService, cards: CardService, clock: Clock
    ) -> None:
        self._store, self._keys, self._commands, self._cards, self._clock = store, keys, commands, cards, clock

    def begin(
        self,
        by: str,
        point: str,
        to: Recipient,
        *,
        reader: Direction = "in",
        label: str = "",
        batch: str = "",
        window_ms: int = WINDOW_MS,
        loop: str = "",
    ) -> str:
        """Have a reader wait for a card; returns the enrolment's id, which is its command's. Raises ``Rejected``, or
        ``ValueError`` for what is no name."""
        label, batch, now_ms = clean_text(label, MAX_LABEL), clean_text(batch, MAX_LABEL), self._clock()
        with self._store.reading() as connection:
            site = site_of(connection).name
            check_recipient(connection, site, to)
            place = find_point(connection, point, now_ms)
            if place is None:
                raise Rejected(NO_READER, "point", 404)
            for other in enrolment_store.waiting_enrolments(connection, site):
                if (other.point, other.reader) == (point, reader) and now_ms < other.until_ms:
                    raise Rejected(BUSY_READER, "point", 409, by=other.by)
        if not (place.presence.is_online and self._commands.connected()):
            raise Rejected(OFFLINE, "point", 409)
        args = {"key": self._keys.enrol.public().hex(), "window_ms": window_ms, "reader": reader}
        until_ms = now_ms + window_ms + ANSWERED_WITHIN_MS

        def write(connection: Connection, command: str) -> None:
            """Before the command leaves: its device may tell of a step within a millisecond."""
            new = EnrolmentView(
                command=command,
                point=point,
                device=place.device,
                reader=reader,
                by=by,
                asked_ms=now_ms,
                until_ms=until_ms,
                person=to.person,
                party=to.party,
                label=label,
                batch=batch,
                step="",
                state="waiting",
                why="",
                credential=None,
                forms_left_out=0,
                loop=loop,
            )
            enrolment_store.add_enrolment(connection, site, new)

        try:
            return self._commands.issue("enrol", point, args, by, REASON, write=write)[0]
        except NoSuchPlace:
            raise Rejected(NO_READER, "point", 404) from None
        except NoSuchCommand:
            raise Rejected(NOT_A_READER, "point") from None

    def cancel(self, by: str, command: str) -> EnrolmentView:
        """Wait for this card no more. Raises ``Rejected``."""
        with self._store.writing() as connection:
            site = site_of(connection).name
            found = _found(enrolment_store.find_enrolment(connection, site, command))
            if not enrolment_store.end_enrolment(connection, site, command, "ended", why="cancelled"):
                raise Rejected(IS_OVER, status=409)
        self._commands.issue("enrol_cancel", found.point, {"enrolment": command}, by, REASON)
        return found

    def undo(self, by: str, command: str) -> EnrolmentView:
        """Take back what an enrolment did: nobody has the card, and it lies in stock. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            found = _found(enrolment_store.find_enrolment(connection, site, command))
            card = None if found.credential is None else store.find_card(connection, found.credential)
            if found.state != "enrolled" or card is None or card.recipient != found.to:
                raise Rejected(NOTHING_TO_UNDO, status=409)
            enrolment_store.end_enrolment(
                connection, site, command, "undone", before="enrolled", credential=found.credential
            )
            store.take_back(connection, site, card, CardState.STOCK)
            record(connection, now_ms, by, "card.undone", subject(found.to), card=str(card.id))
            if found.loop and found.person is not None:
                enrolment_store.change_loop(connection, site, found.loop, after=found.person - 1)
        if found.loop:
            self._go_on(by, found)
        return found

    def claim(self, by: str, arrival: int, to: Recipient, label: str = "") -> int:
        """Give somebody the card of an unknown read of the last five minutes, by its digest alone; returns its id.
        Raises ``Rejected``."""
        shown, now_ms = clean_text(label, MAX_LABEL), self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            check_recipient(connection, site, to)
            read = find_unknown_read(connection, arrival, now_ms)
            if read is None:
                raise Rejected(NOT_UNKNOWN, "arrival", 409)
            new = NewCard(digests=(read.digest,), label=shown or read.point, to=to)
            return self._cards.take(connection, site, by, new, shown, now_ms)[0]

    def begin_loop(
        self, by: str, point: str, *, reader: Direction = "in", building: str = "", unit: str = "", batch: str = ""
    ) -> str:
        """Begin to give cards to everybody here who has none, one after the other; returns the loop's id. Raises
        ``Rejected``."""
        new = DeskLoop(secrets.token_hex(LOOP_BYTES), by, point, reader, building, unit, batch, 0, self._clock())
        with self._store.writing() as connection:
            site = site_of(connection).name
            if not enrolment_store.cardless(connection, site, building=building, unit=unit, limit=1):
                raise Rejected(NOBODY_LEFT, "building", 409)
            enrolment_store.add_loop(connection, site, new)
        try:
            self.next_of_loop(by, new.id)
        except Rejected:
            self.end_loop(new.id)
            raise
        return new.id

    def next_of_loop(self, by: str, loop: str, *, skip: bool = False) -> str | None:
        """Have the reader wait for the card of the next person; ``skip`` leaves out whose turn it is. Returns the
        enrolment's id, None once everybody has a card: then the loop has ended. Raises ``Rejected``."""
        with self._store.writing() as connection:
            site = site_of(connection).name
            found = enrolment_store.find_loop(connection, site, loop)
            if found is None or found.ended_ms is not None:
                raise Rejected(NO_LOOP, status=409)
            waiting = [one for one in enrolment_store.waiting_enrolments(connection, site) if one.loop == loop]
            after = max([found.after, *(one.person or 0 for one in waiting)]) if skip else found.after
            building, unit = found.building, found.unit
            following = enrolment_store.cardless(connection, site, building=building, unit=unit, after=after, limit=1)
            enrolment_store.change_loop(connection, site, loop, after=following[0].id - 1 if following else after)
        for one in waiting:
            self.cancel(by, one.command)
        if not following:
            self.end_loop(loop)
            return None
        to = Recipient(following[0].id)
        return self.begin(
            by,
            found.point,
            to,
            reader=_direction(found.reader),
            batch=found.batch,
            window_ms=LOOP_WINDOW_MS,
            loop=loop,
        )

    def end_loop(self, loop: str, by: str = "") -> None:
        """Wait for nobody of this loop any more."""
        with self._store.writing() as connection:
            site = site_of(connection).name
            enrolment_store.change_loop(connection, site, loop, ended_ms=self._clock())
            waiting = [one for one in enrolment_store.waiting_enrolments(connection, site) if one.loop == loop]
        for one in waiting:
            self.cancel(by or one.by, one.command)

    def settle(self) -> None:
        """Use what devices have answered, and end what they have not answered in time."""
        with self._store.reading() as connection:
            site, now_ms = site_of(connection).name, self._clock()
            answered = {
                one.command: find_order(connection, one.command)
                for one in enrolment_store.waiting_enrolments(connection, site)
            }
        for command, order in answered.items():
            state = "unknown" if order is None else order.state_at(now_ms)
            card = (order.data or {}).get("card") if order is not None else None
            if state == "done" and card:
                self._enrol(command, _bytes_of(str(card)))
            elif state in ("refused", "failed", "unknown", "undeliverable"):
                self._end(command, order.why if order is not None and order.why else state)
            else:
                self._end(command, "done" if state == "done" else "no_answer", only_after=now_ms)

    def _end(self, command: str, why: str, only_after: int | None = None) -> None:
        with self._store.writing() as connection:
            site = site_of(connection).name
            found = enrolment_store.find_enrolment(connection, site, command)
            if found is None or (only_after is not None and only_after < found.until_ms):
                return
            enrolment_store.end_enrolment(connection, site, command, "ended", why=why)

    def _enrol(self, command: str, envelope: bytes) -> None:
        """The card was read: it is theirs now, unless it is somebody's already."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            found = enrolment_store.find_enrolment(connection, site, command)
            if found is None or found.state != "waiting":
                return
            forget_data(connection, command)
            try:
                card, left_out = self._take(connection, site, found, envelope, now_ms)
            except Rejected as refused:
                why, known = _WHY.get(refused.text, "no_such_person"), self._known(connection, site, found, envelope)
                enrolment_store.end_enrolment(connection, site, command, "ended", why=why, credential=known)
                return
            except ValueError:
                log.warning("the device %s sent a card that cannot be read", found.device)
                enrolment_store.end_enrolment(connection, site, command, "ended", why="not_a_card")
                return
            enrolment_store.end_enrolment(connection, site, command, "enrolled", credential=card, left_out=left_out)
        if found.loop:
            self._go_on(found.by, found)

    def _take(
        self, connection: Connection, site: str, found: EnrolmentView, envelope: bytes, now_ms: int
    ) -> tuple[int, int]:
        """Raises ``Rejected``, or ``ValueError`` for what is no card."""
        check_recipient(connection, site, found.to)
        card = self._opened(site, found, envelope)
        label = found.label or f"{card.format} {end_of_number(card)}"
        state = CardState.STOCK if found.to == Recipient() else CardState.ISSUED
        more = {"to": found.to, "state": state, "batch": found.batch}
        new = seal_card(card, label, self._keys.digest, self._keys.numbers, **more)
        return self._cards.take(connection, site, found.by, new, found.label, now_ms)

    def _opened(self, site: str, found: EnrolmentView, envelope: bytes) -> Card:
        """Raises ``ValueError``."""
        stated = enrol_statement(site, found.device, found.command)
        return Card.of_frame(self._keys.enrol.open(stated, envelope).decode())

    def _known(self, connection: Connection, site: str, found: EnrolmentView, envelope: bytes) -> int | None:
        """The card of the register that was held there."""
        try:
            digest = self._opened(site, found, envelope).digest(self._keys.digest)
        except ValueError:
            return None
        return next(iter(store.cards_with(connection, site, [digest])), None)

    def _go_on(self, by: str, done: EnrolmentView) -> None:
        """The next person of the loop; where no reader can wait for them it ends."""
        try:
            self.next_of_loop(by, done.loop)
        except Rejected as stopped:
            log.info("a loop at %s has ended: %s", done.point, stopped)
            self.end_loop(done.loop)


_WHY: Mapping[str, str] = {CARD_TAKEN: "card_taken", CARD_HELD: "card_taken", CARD_VOID: "card_void"}


def _bytes_of(text: str) -> bytes:
    """Of a text that is no hex, none: it opens as little as any other that is not an envelope."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _direction(reader: str) -> Direction:
    return "out" if reader == "out" else "in"


def _found(enrolment: EnrolmentView | None) -> EnrolmentView:
    if enrolment is None:
        raise Rejected(NO_ENROLMENT, status=404)
    return enrolment
