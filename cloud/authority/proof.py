"""An export to an authority as a file, and how a stranger verifies it, who has nothing but the file. Pure.

Each line is a JSON document. The first says who asked for what. Then come pieces of journals, each a batch as its
device signed it: the link before its first row that is given, the rows up to its end, and the device's seal over the
link there. A row is given as the bytes that its device stored, so the chain can be computed; of a row that is nobody's
business stands its link alone. Rows behind the last withheld row of a piece are proved by the device: its seal holds
only over these very bytes. Rows before one rest on the word of the community's cloud, whose seal is the last line.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from contract.codec import Malformed
from contract.events import Event, chain, decode_event, read_gap
from contract.sealing import DeviceVerifier, ExportVerifier, Purpose, statement, tip_statement

FORMAT: Literal["hearthgate-authority-export"] = "hearthgate-authority-export"
VERSION = 1
MAX_LINE = 4 << 20
"""Bytes. A batch has at most 500 rows of 2 KB, in hexadecimal."""
Hex = Annotated[str, Meta(pattern="^([0-9a-f]{2})*$")]


class Officer(Struct, frozen=True):
    """Whom the export is for: a name, and the number of a service card."""

    name: str
    number: str


class Head(Struct, frozen=True, tag_field="line", tag="head"):
    """Who asked for what, and who released it. Times are UTC milliseconds, the span is half-open."""

    site: str
    document: str
    officers: Sequence[Officer]
    from_ms: int
    until_ms: int
    points: Sequence[str]
    people: Sequence[str]
    entered_by: str
    released_by: str
    released_ms: int
    made_ms: int
    audit_row: int
    audit_link: Hex
    format: Literal["hearthgate-authority-export"] = FORMAT
    version: Literal[1] = 1


class GivenRow(Struct, frozen=True, omit_defaults=True):
    """A row of a journal: the bytes that its device stored, or of one that is withheld the link alone. ``person`` is
    what the community calls whoever it names, with a family card its party."""

    seq: int
    stored: Hex = ""
    link: Hex = ""
    person: str = ""


class JournalPiece(Struct, frozen=True, tag_field="line", tag="piece"):
    """Rows of one batch, from the first that is given to the end of the batch, ``last``, which began with ``first``.
    ``prev`` is the link before them; ``key`` is the device's. Without a ``seal`` none was kept."""

    device: str
    key: Hex
    journal: str
    first: int
    last: int
    tip: Hex
    seal: Hex
    gaps: Sequence[Hex]
    prev: Hex
    rows: Sequence[GivenRow]


class Tail(Struct, frozen=True, tag_field="line", tag="tail"):
    """The seal of the community's cloud over the hash of all lines before."""

    sha256: Hex
    key: Hex
    seal: Hex


Line = Head | JournalPiece | Tail
_decode: Callable[[bytes], Line] = msgspec.json.Decoder(Line).decode


class Broken(Exception):
    """The file is not what it was made as; the text says where."""


NO_HEAD = "this is no export to an authority, for its first line is none: take the file as it was handed over"


class NoExport(ValueError):
    """The file is no export to an authority."""


class Report(Struct):
    """What a file holds: rows that their device's seal proves, and rows that rest on the cloud's seal alone."""

    head: Head
    cloud_key: str
    proved: int = 0
    by_cloud: int = 0
    withheld: int = 0
    keys: dict[str, str] = {}
    """The key of each device."""


def tail_statement(site: str, digest: bytes) -> bytes:
    return statement(Purpose.EXPORT, site, "", digest)


def write_lines(lines: Iterable[Head | JournalPiece]) -> Iterator[tuple[bytes, "hashlib._Hash"]]:
    """Each line's bytes, with the hash of all up to there."""
    digest = hashlib.sha256()
    for line in lines:
        written = msgspec.json.encode(line) + b"\n"
        digest.update(written)
        yield written, digest


def verify_export(lines: Iterable[bytes]) -> Report:
    """Follow everything in the file. Raises ``NoExport``, or ``Broken``."""
    digest = hashlib.sha256()
    report: Report | None = None
    for number, written in enumerate(lines, 1):
        line = _read(written, number)
        if report is None:
            if not isinstance(line, Head):
                raise NoExport(NO_HEAD)
            report = Report(line, "")
        elif isinstance(line, Tail):
            _check_tail(line, report.head.site, digest.digest())
            report.cloud_key = line.key
        elif report.cloud_key or isinstance(line, Head):
            raise Broken(f"line {number}: nothing may stand here")
        else:
            _follow(line, report, number)
        digest.update(written)
    if report is None:
        raise NoExport("the file is empty")
    if not report.cloud_key:
        raise Broken("the last line, the seal of the cloud, is missing: the file is cut off")
    return report


def events_of(piece: JournalPiece) -> Iterator[tuple[GivenRow, Event]]:
    """The events that a piece gives, readable."""
    for row in piece.rows:
        if row.stored:
            try:
                yield row, decode_event(bytes.fromhex(row.stored))
            except Malformed:
                continue


def _read(written: bytes, number: int) -> Line:
    if len(written) > MAX_LINE:
        raise NoExport(f"line {number} is too long")
    try:
        return _decode(written)
    except msgspec.DecodeError as wrong:
        if number == 1:
            raise NoExport(NO_HEAD) from None
        raise Broken(f"line {number}: {wrong}") from None


def _check_tail(tail: Tail, site: str, digest: bytes) -> None:
    if tail.sha256 != digest.hex():
        raise Broken("the file was changed after it was sealed")
    try:
        verifier = ExportVerifier(bytes.fromhex(tail.key))
    except ValueError:
        raise Broken("the key of the cloud is none") from None
    if not verifier.accepts(tail_statement(site, digest), bytes.fromhex(tail.seal)):
        raise Broken("the seal of the cloud does not hold")


def _follow(piece: JournalPiece, report: Report, number: int) -> None:
    """Compute the chain of a piece, and check the seal over its end."""
    link, pending, withheld = bytes.fromhex(piece.prev), 0, 0
    for row in piece.rows:
        if not row.stored:
            link, withheld = bytes.fromhex(row.link), withheld + 1
            report.by_cloud, pending = report.by_cloud + pending, 0
            continue
        stored = bytes.fromhex(row.stored)
        gap = read_gap(stored)
        link = chain(link, stored) if gap is None else bytes.fromhex(gap.tip_after)
        pending += gap is None
    report.withheld += withheld
    if not piece.seal:
        report.by_cloud += pending
        return
    if link.hex() != piece.tip:
        raise Broken(f"line {number}: rows of journal {piece.journal} of {piece.device} were changed or left out")
    known = report.keys.setdefault(piece.device, piece.key)
    try:
        verifier = DeviceVerifier(bytes.fromhex(piece.key))
    except ValueError:
        raise Broken(f"line {number}: the key of {piece.device} is none") from None
    gaps = [bytes.fromhex(gap) for gap in piece.gaps]
    stated = tip_statement(report.head.site, piece.device, piece.journal, piece.first, piece.last, link, gaps)
    if not verifier.accepts(stated, bytes.fromhex(piece.seal)) or known != piece.key:
        raise Broken(f"line {number}: the seal of {piece.device} does not hold over these rows")
    report.proved += pending
