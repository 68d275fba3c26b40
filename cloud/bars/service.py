"""The use cases of bars: entered by one operator, confirmed by another, appealed and lifted, each with its row in the
audit. Nobody is barred from their home, whatever stands here: the rosters leave it to them."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from cloud.bars import store
from cloud.bars.rule import (
    MAX_DAYS,
    Bar,
    BarGround,
    BarRefusal,
    BarState,
    clean_phone,
    clean_plate,
    refusal_of_confirmation,
    refusal_of_window,
)
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.store.database import Clock, Store
from cloud.store.revision import touch
from cloud.store.schema import people
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.sealing import credential_digest

MAX_APPEAL = 400
"""Characters."""
NO_BAR = N_("There is no such bar.")
NO_PERSON = N_("There is no such person.")
ONE_OF_THREE = N_("A bar is of one person, one telephone or one plate: fill in one of them. Nothing was changed.")
NO_PHONE = N_("A telephone number has 5 to 15 digits. Nothing was changed.")
NO_PLATE = N_("A plate has 5 to 9 letters and digits. Nothing was changed.")
NO_APPEAL = N_("Write down what was said against the bar. Nothing was changed.")
IS_OVER = N_("This bar has ended or was lifted. Nothing was changed.")

REFUSALS: Mapping[BarRefusal, str] = {
    BarRefusal.TOO_LONG: N_("A bar lasts at most %(days)s days. Nothing was changed."),
    BarRefusal.ENDS_EARLY: N_("The last day is over, or comes before the first day. Nothing was changed."),
    BarRefusal.ONE_PERSON: N_("Another operator has to confirm it: you entered this bar. Nothing was changed."),
    BarRefusal.NOT_OPEN: N_("This bar is confirmed already, or is over. Nothing was changed."),
}


class BarService:
    """The service that changes bars. Any thread may use it; ``by`` is the operator's name. What is rejected leaves no
    trace."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def phone_hash(self, text: str) -> bytes:
        """What is kept of a telephone number. Raises ``ValueError`` if it is none."""
        return credential_digest(self._keys.digest, b"phone:" + clean_phone(text).encode())

    def find(self, phone: str = "", plate: str = "") -> list[store.BarView]:
        """Every bar of a telephone or of a plate, for whoever looks at it. Raises ``Rejected``."""
        hashed, cleaned = self._marks(phone, plate)
        if not (hashed or cleaned):
            return []
        with self._store.reading() as connection:
            return store.bars_of_mark(connection, site_of(connection).name, phone=hashed, plate=cleaned)

    def enter(
        self,
        by: str,
        ground: BarGround,
        until_ms: int,
        *,
        person: int | None = None,
        phone: str = "",
        plate: str = "",
        from_ms: int = 0,
    ) -> int:
        """The new bar's id; it counts once another operator has confirmed it. It begins at once unless ``from_ms`` says
        later. Raises ``Rejected``."""
        now_ms = self._clock()
        from_ms = max(from_ms, now_ms)
        if [person is not None, bool(phone), bool(plate)].count(True) != 1:
            raise Rejected(ONE_OF_THREE, "person")
        refusal = refusal_of_window(from_ms, until_ms, now_ms)
        if refusal is not None:
            raise Rejected(REFUSALS[refusal], "until_ms", days=MAX_DAYS)
        marks = self._marks(phone, plate)
        with self._store.writing() as connection:
            if person is not None:
                _check_person(connection, person)
            bar = Bar(0, person, *marks, ground, from_ms, until_ms, by, now_ms)
            added = store.add_bar(connection, site_of(connection).name, bar)
            subject = f"person {person}" if person is not None else f"bar {added}"
            record(connection, now_ms, by, "bar.entered", subject, bar=str(added), ground=ground.value)
        return added

    def confirm(self, by: str, bar: int) -> None:
        """The second operator agrees: from now on it counts. Raises ``Rejected``."""
        with self._store.writing() as connection:
            known = _found_bar(connection, bar)
            refusal = refusal_of_confirmation(known, by, self._clock())
            if refusal is not None:
                raise Rejected(REFUSALS[refusal], "bar", 409)
            self._change(connection, by, known, "bar.confirmed", confirmed_by=by, confirmed_ms=self._clock())

    def note_appeal(self, by: str, bar: int, text: str) -> None:
        """Write down what the barred person says against it. Raises ``Rejected``, or ``ValueError`` for a text that
        cannot be shown."""
        appeal = clean_text(text, MAX_APPEAL)
        if not appeal:
            raise Rejected(NO_APPEAL, "appeal")
        with self._store.writing() as connection:
            known = self._open_bar(connection, bar)
            self._change(connection, by, known, "bar.appealed", appeal=appeal, appeal_ms=self._clock())

    def lift(self, by: str, bar: int) -> None:
        """It ends now, and stays written down. Raises ``Rejected``."""
        with self._store.writing() as connection:
            known = self._open_bar(connection, bar)
            self._change(connection, by, known, "bar.lifted", lifted_by=by, lifted_ms=self._clock())

    def _marks(self, phone: str, plate: str) -> tuple[bytes | None, str]:
        try:
            hashed = self.phone_hash(phone) if phone else None
        except ValueError:
            raise Rejected(NO_PHONE, "phone") from None
        try:
            return hashed, clean_plate(plate) if plate else ""
        except ValueError:
            raise Rejected(NO_PLATE, "plate") from None

    def _open_bar(self, connection: Connection, bar: int) -> Bar:
        known = _found_bar(connection, bar)
        if known.state(self._clock()) in (BarState.LIFTED, BarState.ENDED):
            raise Rejected(IS_OVER, "bar", 409)
        return known

    def _change(self, connection: Connection, by: str, known: Bar, action: str, **values: object) -> None:
        store.change_bar(connection, site_of(connection).name, known.id, **values)
        if known.person is not None:
            touch(connection, (known.person,))
        subject = f"person {known.person}" if known.person is not None else f"bar {known.id}"
        record(connection, self._clock(), by, action, subject, bar=str(known.id))


def _found_bar(connection: Connection, bar: int) -> Bar:
    known = store.find_bar(connection, site_of(connection).name, bar)
    if known is None:
        raise Rejected(NO_BAR, status=404)
    return known


def _check_person(connection: Connection, person: int) -> None:
    if connection.execute(select(people.c.id).where(people.c.id == person)).first() is None:
        raise Rejected(NO_PERSON, status=404)
