"""The credentials of permits: spoken codes, printed tokens and plates are made here, cards come out of stock."""

import secrets

from msgspec import Struct
from sqlalchemy import Connection

from cloud.bars.store import BarView, bars_of_mark
from cloud.cards.rule import CAN_BE_GIVEN, CardKind, Recipient
from cloud.cards.store import NewCard, find_card, give, insert_card
from cloud.keys.keys import KeyFolder
from cloud.permits import store
from cloud.permits.rule import Permit, code_digits
from cloud.permits.words import NO_STOCK_CARD, PLATE_BARRED, PLATE_KNOWN, PLATE_TAKEN, TOO_MANY_CODES
from cloud.web.rejected import Rejected
from contract.credentials import TOKEN_BYTES, code_credential, plate_credential, token_credential, token_text
from contract.demands import Assurance
from contract.sealing import credential_digest


class ToTell(Struct, frozen=True):
    """What is shown of a permit's credentials to whoever may see them: the digits of its code, and the text of its
    token; empty where it has none."""

    code: str = ""
    token: str = ""


class CredentialMaker:
    """Makes the credentials of permits within a writing transaction of the caller's."""

    def __init__(self, keys: KeyFolder, connection: Connection, site: str, now_ms: int) -> None:
        self._keys, self._connection, self._site, self._now_ms = keys, connection, site, now_ms

    def make(self, permit: Permit, *, code: bool, token: bool, card: int | None) -> ToTell:
        """All that a new permit gets. Raises ``Rejected``."""
        if permit.plate:
            self._add_plate(permit)
        if card is not None:
            self._give_card(permit, card)
        return ToTell(self._add_code(permit) if code else "", self._add_token(permit) if token else "")

    def show(self, permit: int) -> ToTell:
        """What can be shown again of it. Raises ``KeysUnusable`` for a database of other keys."""
        found = store.secrets_of(self._connection, permit)
        texts = {one.kind: self._keys.numbers.open(one.sealed, one.digest) for one in found}
        return ToTell(texts.get(CardKind.CODE, ""), texts.get(CardKind.TOKEN, ""))

    def _add_code(self, permit: Permit) -> str:
        digits = code_digits(store.live_codes(self._connection))
        if digits is None:
            raise Rejected(TOO_MANY_CODES, "code", 409)
        while True:
            code = f"{secrets.randbelow(10**digits):0{digits}}"
            digest = credential_digest(self._keys.digest, code_credential(code))
            if store.owner_of(self._connection, digest) is None:  # no two that count are the same
                self._insert(permit, CardKind.CODE, digest, code)
                return code

    def _add_token(self, permit: Permit) -> str:
        token = secrets.token_bytes(TOKEN_BYTES)
        digest = credential_digest(self._keys.digest, token_credential(token))
        self._insert(permit, CardKind.TOKEN, digest, token_text(token))
        return token_text(token)

    def _add_plate(self, permit: Permit) -> None:
        if any(bar.bar.counts_at(self._now_ms) for bar in self._bars(permit.plate)):
            raise Rejected(PLATE_BARRED, "plate", 409, plate=permit.plate)
        digest = credential_digest(self._keys.digest, plate_credential(permit.plate))
        owner = store.owner_of(self._connection, digest)
        if owner is not None:
            _, other = owner
            if other is None:
                raise Rejected(PLATE_KNOWN, "plate", 409, plate=permit.plate)
            known = store.find_permit(self._connection, self._site, other)
            if known is None or known.counts_at(self._now_ms):
                raise Rejected(PLATE_TAKEN, "plate", 409, plate=permit.plate)
            store.release_credentials(self._connection, self._site, other)
        self._insert(permit, CardKind.PLATE, digest, permit.plate)

    def _bars(self, plate: str) -> list[BarView]:
        return bars_of_mark(self._connection, self._site, plate=plate)

    def _give_card(self, permit: Permit, card: int) -> None:
        found = find_card(self._connection, card)
        if found is None or found.kind != CardKind.CARD or found.state not in CAN_BE_GIVEN:
            raise Rejected(NO_STOCK_CARD, "card", 409)
        give(self._connection, self._site, card, Recipient(permit=permit.id), "", self._now_ms)

    def _insert(self, permit: Permit, kind: CardKind, digest: bytes, text: str) -> None:
        new = NewCard(
            digests=(digest,),
            sealed=self._keys.numbers.close(text, digest),
            label=f"{kind} {permit.id}",
            assurance=Assurance.NUMBER if kind is not CardKind.TOKEN else Assurance.COPYABLE,
            kind=kind,
            to=Recipient(permit=permit.id),
        )
        insert_card(self._connection, self._site, new, self._now_ms)
