"""A credential as people name it on the command line: by its number, its digest, its row, or what is printed on it."""

import re
from collections.abc import Iterator

from sqlalchemy import Connection, select

from cloud.cards.rule import Card, CardKind, form_digests
from cloud.keys.keys import KeyFolder
from cloud.people.tables import credentials
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_, names_like
from contract.credentials import FORMATS
from contract.sealing import DIGEST_BYTES

NUMBER = re.compile(r"(?:([A-Za-z]\w*):)?(?:(\d{1,10})[:,/ ])?(\d{1,25})")
"""``15890``, ``21:15890`` as it is printed on most cards, or ``H10301:21:15890``."""
ROW = re.compile(r"#(\d{1,18})")
MAX_NAMED = 5

NO_CREDENTIAL = N_(
    "No credential is known by %(named)s. Write its number as 21:15890 or 15890, its digest as 32 hex digits, #5 for "
    "the fifth of the register, or what is printed on it."
)
LIKE_IT = N_("No credential is known by %(named)s; printed on some is %(names)s.")
SEVERAL = N_("%(named)s is the number or name of several credentials: %(rows)s.")


def find_digest(connection: Connection, keys: KeyFolder, text: str) -> bytes:
    """The digest of a credential. One that is written as a digest need not be known: that is an answer, too. Raises
    ``Rejected``, and ``KeysUnusable`` for a database of other keys."""
    text = text.strip()
    if len(text) == 2 * DIGEST_BYTES and re.fullmatch(r"[0-9a-fA-F]+", text):
        return bytes.fromhex(text)
    found = _rows(connection, keys, text)
    if not found:
        raise _unknown(connection, text)
    if len(found) > 1:
        rows = ", ".join(f"#{number}" for number in sorted(found)[:MAX_NAMED])
        raise Rejected(SEVERAL, "credential", named=text, rows=rows)
    return next(iter(found.values()))


def _unknown(connection: Connection, text: str) -> Rejected:
    """With what is printed on cards and is most like it. Numbers that are like it are nobody's business."""
    printed = connection.execute(select(credentials.c.label).distinct()).scalars().all()
    if names := names_like(text, printed):
        return Rejected(LIKE_IT, "credential", named=text, names=names)
    return Rejected(NO_CREDENTIAL, "credential", named=text)


def _rows(connection: Connection, keys: KeyFolder, text: str) -> dict[int, bytes]:
    """The credentials that a text may mean, by their rows."""
    columns = credentials.c.id, credentials.c.digest
    if row := ROW.fullmatch(text):
        query = select(*columns).where(credentials.c.id == int(row[1]))
    elif (number := NUMBER.fullmatch(text)) and (found := _numbered(connection, keys, *number.groups())):
        return found
    else:
        query = select(*columns).where(credentials.c.label == text)
    return {found.id: found.digest for found in connection.execute(query)}


def _numbered(
    connection: Connection, keys: KeyFolder, format_name: str | None, facility: str | None, number: str
) -> dict[int, bytes]:
    """Those of this number: looked up by its digests where the facility code is said, else by opening the numbers."""
    if format_name is not None or facility is not None:
        names = [format_name] if format_name else list(FORMATS)
        return _with_digests(connection, set(_digests(keys, names, facility, int(number))))
    stored = select(credentials.c.id, credentials.c.digest, credentials.c.sealed).where(
        credentials.c.sealed != b"", credentials.c.kind.in_((CardKind.CARD, CardKind.TAG))
    )
    rows = connection.execute(stored)
    return {
        row.id: row.digest
        for row in rows
        if Card.from_text(keys.numbers.open(row.sealed, row.digest)).number == int(number)
    }


def _digests(keys: KeyFolder, names: list[str], facility: str | None, number: int) -> Iterator[bytes]:
    for name in names:
        try:
            yield from form_digests(keys.digest, Card(name, int(facility) if facility else None, number))
        except (ValueError, KeyError):  # this format has no such card
            continue


def _with_digests(connection: Connection, digests: set[bytes]) -> dict[int, bytes]:
    columns = credentials.c.id, credentials.c.digest
    query = select(*columns).where(credentials.c.digest.in_(sorted(digests)))
    return {row.id: row.digest for row in connection.execute(query)}
