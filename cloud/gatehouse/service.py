"""The use cases of the gatehouse, each with its row in the audit."""

from collections.abc import Sequence

from sqlalchemy import Connection

from cloud.commands.desired import DesiredStateService
from cloud.commands.store import PointState, list_points
from cloud.devices.registry import site_of
from cloud.flats.store import find_flat
from cloud.gatehouse import store
from cloud.gatehouse.rule import (
    HELD_MINUTES,
    MAX_LOANS,
    Choice,
    EntryCause,
    FlatAnswer,
    Gate,
    KeyLoan,
    Ring,
    choose_gates,
)
from cloud.keys.keys import KeyFolder
from cloud.people.permit_rows import gates_of
from cloud.permits.kinds import PermitKind
from cloud.permits.service import Drawn, PermitAsked, PermitService
from cloud.permits.store import PermitView, owner_of, view_permit
from cloud.permits.words import NO_SUCH_FLAT
from cloud.store.database import Clock, Store
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.credentials import code_credential
from contract.decide import Mode
from contract.kinds import counted_at
from contract.sealing import credential_digest

MAX_KEY, MAX_TAKER, MAX_WHY = 40, 40, 200
"""Characters."""
MAX_CODE_DIGITS = 12
NO_GATE = N_("No gate can be held open: open them by hand, or with the mechanical key. Nothing was done.")
ALL_SHUT = N_("Every gate is locked down or out of service: end that first, at the gates. Nothing was done.")
NO_ENTRY = N_("This was said already, or there is no such entry. Nothing was changed.")
NO_KEY_NAME = N_("Write what stands on the tag of the key. Nothing was changed.")
NO_TAKER = N_("Write who takes the key. Nothing was changed.")
NO_WHY = N_("Write what the key is for. Nothing was changed.")
KEY_IS_OUT = N_("Key %(key)s is out already: note first that it is back. Nothing was changed.")
TOO_MANY_OUT = N_("%(most)s keys are out: note first which are back. Nothing was changed.")
NOT_OUT = N_("This key is back already. Nothing was changed.")
NO_CODE = N_("A code has 4 to 12 digits. Nothing was looked up.")


class GatehouseService:
    """The service of the gatehouse. Any thread may use it; ``by`` is the operator's name. What is rejected leaves no
    trace."""

    def __init__(self, database: Store, keys: KeyFolder, clock: Clock, modes: DesiredStateService) -> None:
        self._store, self._keys, self._clock, self._modes = database, keys, clock, modes
        self._permits = PermitService(database, keys, clock)

    def note_answer(self, by: str, flat: str, answer: FlatAnswer) -> str:
        """The guard rang a flat, and it did not say yes. Returns its name as it is listed. Raises ``Rejected``."""
        with self._store.writing() as connection:
            return self._note_ring(connection, by, flat, answer)

    def let_in(self, by: str, flat: str, name: str, headcount: int) -> Drawn:
        """The flat said yes: a walk-in visitor gets a permit with a code. Raises ``Rejected``, or ``ValueError`` for
        what is no name."""
        asked = PermitAsked(kind=PermitKind.WALK_IN, name=name, flat=flat, headcount=headcount, code=True, agreed=True)
        drawn = self._permits.draw(by, asked)
        with self._store.writing() as connection:
            self._note_ring(connection, by, flat, FlatAnswer.YES)
        return drawn

    def find_by_code(self, by: str, code: str) -> PermitView | None:
        """The permit whose code a visitor says; None if no code is so, or its time is over. That somebody looked
        stands in the audit, the code does not. Raises ``Rejected`` for what is no code."""
        digits = "".join(code.split()).rstrip("#")
        if not (digits.isascii() and digits.isdecimal() and 4 <= len(digits) <= MAX_CODE_DIGITS):
            raise Rejected(NO_CODE, "code")
        digest = credential_digest(self._keys.digest, code_credential(digits))
        now_ms = self._clock()
        with self._store.writing() as connection:
            _, permit = owner_of(connection, digest) or (0, None)
            view = None if permit is None else view_permit(connection, site_of(connection).name, permit)
            found = view if view is not None and view.permit.counts_at(now_ms) else None
            record(connection, now_ms, by, "code.checked", f"permit {found.permit.id}" if found else "")
        return found

    def let_help_in(self, by: str, reason: str) -> Choice:
        """Hold the gates open for an emergency vehicle. What it came for is said afterwards; until then ``reason``
        stands in the audit. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            choice = choose_gates([_gate(point) for point in gates(connection, now_ms)])
        if not choice.held:
            raise Rejected(ALL_SHUT if choice.left else NO_GATE, status=409)
        change = self._modes.set_mode(choice.held, Mode.HOLD_OPEN, by, reason, HELD_MINUTES)
        with self._store.writing() as connection:
            names = ", ".join(choice.held)
            store.add_entry(connection, site_of(connection).name, by, now_ms, change.order, names)
            record(connection, now_ms, by, "entry.opened", names)
        return choice

    def say_cause(self, by: str, entry: int, cause: EntryCause) -> None:
        """What an emergency vehicle came for. Raises ``Rejected``."""
        with self._store.writing() as connection:
            if not store.say_cause(connection, site_of(connection).name, entry, cause, by):
                raise Rejected(NO_ENTRY, status=409)
            record(connection, self._clock(), by, "entry.explained", f"entry {entry}", cause=cause.value)

    def give_key(self, by: str, key: str, taken_by: str, reason: str) -> None:
        """Somebody takes a mechanical key. Raises ``Rejected``, or ``ValueError`` for what is no name."""
        named, taker, why = clean_text(key, MAX_KEY), clean_text(taken_by, MAX_TAKER), clean_text(reason, MAX_WHY)
        for text, sentence, field in ((named, NO_KEY_NAME, "key"), (taker, NO_TAKER, "taken_by"), (why, NO_WHY, "why")):
            if not text:
                raise Rejected(sentence, field)
        now_ms = self._clock()
        with self._store.writing() as connection:
            site, out = site_of(connection).name, store.keys_out(connection, site_of(connection).name)
            if any(loan.key == named for loan in out):
                raise Rejected(KEY_IS_OUT, "key", 409, key=named)
            if len(out) >= MAX_LOANS:
                raise Rejected(TOO_MANY_OUT, "key", 409, most=MAX_LOANS)
            store.add_loan(connection, site, KeyLoan(0, named, taker, why, by, now_ms))
            record(connection, now_ms, by, "key.given", named, reason=why, to=taker)

    def take_key_back(self, by: str, loan: int) -> None:
        """A mechanical key is back. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            key = store.end_loan(connection, site_of(connection).name, loan, by, now_ms)
            if key is None:
                raise Rejected(NOT_OUT, status=409)
            record(connection, now_ms, by, "key.returned", key)

    def _note_ring(self, connection: Connection, by: str, flat: str, answer: FlatAnswer) -> str:
        site, now_ms = site_of(connection).name, self._clock()
        known = find_flat(connection, site, flat.strip())
        if known is None:
            raise Rejected(NO_SUCH_FLAT, "flat", 404)
        store.note_ring(connection, site, known.name, Ring(answer, now_ms))
        record(connection, now_ms, by, "flat.rung", known.name, answer=answer.value)
        return known.name


def gates(connection: Connection, now_ms: int) -> Sequence[PointState]:
    """The gates of the estate: the doors that lead in from the street. Where nobody has said which these are, every
    door."""
    doors = [point for point in list_points(connection, now_ms) if point.archetype == "portal" and point.registered]
    edge = set(gates_of(connection))
    return [door for door in doors if door.name in edge] or doors


def _gate(point: PointState) -> Gate:
    return Gate(point.name, counted_at(point.kind) == "vehicles", point.has(Mode.HOLD_OPEN), point.mode)
