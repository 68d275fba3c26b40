"""Rosters as pages under one signature: what the cloud publishes, a device stores, and both look up.

Rows are fixed in size and sorted by digest, so a page on disk is searched as it is, without being decoded. A page
covers all digests that begin with its prefix; pages split above 192 rows and merge below 48, so that one change
touches one page of about 100 rows. What rows share - profiles, schedules, the zone - stands once, in the site page.

There are versions of pages, and a device says in its state which it reads (``RosterState.reads``) and is sent no other.
Version 1 of a page of rows has one row for a digest and profile; version 2 has one for each window, ordered and unique
by (digest, profile, ``valid_from``), so that profiles are not repeated in the site page. Who reads version 2 or a later
one is sent a manifest that names index pages (``contract.roster_index``), who reads version 1 only one that names all
pages.
Version 3 changes the site page alone: its schedules have special days, and it says what quantities are lent.
Version 4 adds what points demand to the site page, and may have pages of rows of version 3: 46 bytes a row, with the
verifier of its PIN and its flags.
Version 5 adds the zones that count and the keys of passes to the site page, and may have pages of rows of version 4: 80
bytes a row, with the public key of a phone.
A page is of the first version that says all of its rows, but not of version 1.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from contract.codec import Malformed
from contract.decide import HOUR_MS, Standing, Tier
from contract.demands import Assurance
from contract.messages import Manifest
from contract.sealing import DIGEST_BYTES

HOLDER_BYTES = 8
PIN_BYTES = 8
KEY_BYTES = 33
"""A public key on P-256, compressed."""
SPLIT_ABOVE = 192
MERGE_BELOW = 48
MERGE_UP_TO = SPLIT_ABOVE - MERGE_BELOW
"""Two halves become one page only up to here, so that one row coming and going does not split and merge for ever."""
MAX_PREFIX_BITS = 32
MAX_PAGE_ROWS = 4096
"""A page that a device accepts; only a site whose digests collide in 32 bits could come near it."""

_HEAD = struct.Struct(">BBIH")
_ROW = struct.Struct(f">{DIGEST_BYTES}sH{HOLDER_BYTES}sBBII")
_ROW_3 = struct.Struct(f"{_ROW.format}{PIN_BYTES}sH")
_ROW_4 = struct.Struct(f"{_ROW_3.format}{KEY_BYTES}sB")
Fields = tuple[bytes, int, bytes, int, int, int, int, bytes, int, bytes, int]
"""A row as it stands on its page: digest, profile, holder, tier, standing, from, until; PIN, flags; key, family."""
PAGE_VERSIONS = (1, 2, 3, 4, 5)
"""Which versions of pages this software reads, for ``RosterState.reads``."""
ROW_VERSIONS = (1, 2, 3, 4)
"""Those of a page of rows. Who reads version 3 of pages reads rows of version 2, who reads 4 rows of 2 and 3, who reads
5 rows of 2 to 4."""
_TIERS = tuple(Tier)
_STANDINGS = tuple(Standing)
_ASSURANCES = tuple(Assurance)
_STANDINGS_OF_2 = (Standing.ACTIVE, Standing.SUSPENDED, Standing.LOST)
_OVERRIDE, _DURESS, _ASSURANCE_BIT, _FLAGS = 1, 2, 2, 4
"""The bits of the flags: two marks, two bits of assurance from bit 2 on, four in all."""
_NO_PIN, _NO_KEY = bytes(PIN_BYTES), bytes(KEY_BYTES)
_PLAIN = _NO_PIN, Assurance.CARD << _ASSURANCE_BIT, _NO_KEY, 0
_LAYOUTS: Mapping[int, tuple[struct.Struct, tuple[Any, ...]]] = {
    1: (_ROW, _PLAIN),
    2: (_ROW, _PLAIN),
    3: (_ROW_3, (_NO_KEY, 0)),
    4: (_ROW_4, ()),
}
"""How a row is laid out on a page of each version, and what it says where its own bytes end."""


class Undeliverable(ValueError):
    """A roster that no device could take; the text says what is too large."""


class Prefix(Struct, frozen=True, order=True):
    """The first ``bits`` bits of a digest, left-aligned in 32: the digests a page is responsible for."""

    value: int
    bits: int

    @property
    def end(self) -> int:
        """The first 32-bit value behind this prefix."""
        return self.value + (1 << MAX_PREFIX_BITS >> self.bits)

    def halves(self) -> tuple["Prefix", "Prefix"]:
        half = 1 << (MAX_PREFIX_BITS - self.bits - 1)
        return Prefix(self.value, self.bits + 1), Prefix(self.value + half, self.bits + 1)

    def parent(self) -> "Prefix":
        bits = self.bits - 1
        return Prefix(self.value >> (MAX_PREFIX_BITS - bits) << (MAX_PREFIX_BITS - bits), bits)


WHOLE = Prefix(0, 0)


def prefix_of(digest: bytes) -> int:
    """The 32 bits of a digest that choose its page."""
    return int.from_bytes(digest[:4], "big")


class Row(Struct, frozen=True):
    """A grant as it is stored. ``profile`` counts into the site page; the window is half-open UTC seconds, 0 for no
    bound. Rows sort by ``place``: digest, profile, then the beginning of the window. ``pin`` is the verifier of a PIN
    (8 bytes), ``key`` the public key of a phone (33 bytes), each empty for none. A ``family`` shares its card."""

    digest: bytes
    profile: int
    holder: bytes
    tier: Tier
    standing: Standing = Standing.ACTIVE
    valid_from_s: int = 0
    valid_until_s: int = 0
    override: bool = False
    pin: bytes = b""
    may_signal_duress: bool = False
    assurance: Assurance = Assurance.CARD
    key: bytes = b""
    family: bool = False

    @property
    def place(self) -> tuple[bytes, int, int]:
        """What a page of version 2 or later is ordered by; no two of its rows have the same."""
        return self.digest, self.profile, self.valid_from_s

    def __lt__(self, other: "Row") -> bool:
        return self.place < other.place

    @property
    def version(self) -> int:
        """The first version that says all of it."""
        if self.key or self.family:
            return 4
        is_plain = not (self.pin or self.override or self.may_signal_duress) and self.assurance is Assurance.CARD
        return 2 if is_plain and self.standing in _STANDINGS_OF_2 else 3

    def in_version_3(self) -> "Row | None":
        """The row without its mark of a family; None for that of a phone, which no reader of before can read."""
        return None if self.key else replace(self, family=False)

    def in_version_2(self) -> "Row | None":
        """The row of version 3 without its PIN and its flags, which version 2 does not have; None for a standing that
        it has not. Nor does it know a bar: whoever is barred keeps what is a resident's, for their home is among it."""
        is_home = self.standing is Standing.BARRED and self.tier is Tier.RESIDENT
        standing = Standing.ACTIVE if is_home else self.standing
        if standing not in _STANDINGS_OF_2 or self.key:
            return None
        said = {"override": False, "pin": b"", "may_signal_duress": False, "assurance": Assurance.CARD, "family": False}
        return replace(self, standing=standing, **said)

    def pack(self, version: int = 2) -> bytes:
        """The bytes of the row, as far as the version says it. Raises ``ValueError`` for a digest, a holder, a PIN or a
        key of another length: it would be cut or padded unseen."""
        sizes = len(self.digest), len(self.holder), len(self.pin) or PIN_BYTES, len(self.key) or KEY_BYTES
        if sizes != (DIGEST_BYTES, HOLDER_BYTES, PIN_BYTES, KEY_BYTES):
            raise ValueError("row with a digest of {}, a holder of {}, a PIN of {}, a key of {} bytes".format(*sizes))
        tier, standing = _TIERS.index(self.tier), _STANDINGS.index(self.standing)
        fields = self.digest, self.profile, self.holder, tier, standing, self.valid_from_s, self.valid_until_s
        if version < 3:
            return _ROW.pack(*fields)
        flags = self.override * _OVERRIDE | self.may_signal_duress * _DURESS | self.assurance << _ASSURANCE_BIT
        if version == 3:
            return _ROW_3.pack(*fields, self.pin or _NO_PIN, flags)
        return _ROW_4.pack(*fields, self.pin or _NO_PIN, flags, self.key or _NO_KEY, self.family)


class Page:
    """``dn/page``: a page of the roster over its own bytes, believed by its hash, which stands in the manifest."""

    def __init__(self, blob: bytes) -> None:
        """Raises ``Malformed`` unless the bytes have the form of a page; ``check()`` looks at every row."""
        if len(blob) < _HEAD.size:
            raise Malformed(f"page of {len(blob)} bytes")
        version, bits, value, count = _HEAD.unpack_from(blob)
        if version not in ROW_VERSIONS or bits > MAX_PREFIX_BITS or count > MAX_PAGE_ROWS:
            raise Malformed(f"page version {version}, prefix of {bits} bits, {count} rows")
        self._row_bytes = _LAYOUTS[version][0].size
        if len(blob) != _HEAD.size + count * self._row_bytes:
            raise Malformed(f"page of {len(blob)} bytes for {count} rows")
        if value << bits & 0xFFFFFFFF:
            raise Malformed(f"page prefix {value:08x} is longer than its {bits} bits")
        self.version: int = version
        self.prefix = Prefix(value, bits)
        self.count: int = count
        self.blob = blob

    def row(self, index: int) -> Row:
        """Raises ``Malformed`` for a tier or standing this software does not know."""
        return _row(_fields(self.version, self.blob, _HEAD.size + index * self._row_bytes))

    def rows(self) -> Iterator[Row]:
        return (self.row(index) for index in range(self.count))

    def find(self, digest: bytes) -> list[Row]:
        """Every row of a credential: some for each profile, as a resident's home gate outlasts their gym membership.
        Of one profile the latest window comes first: where none of them holds, its refusal is the one people hear.
        """
        return [_row(fields) for fields in fields_of(self.blob, digest)]

    def check(self) -> None:
        """Raises ``Malformed`` unless all rows are known, within the prefix, and in the order of the page's version."""
        places = [row.place if self.version > 1 else row.place[:2] for row in self.rows()]
        if any(first >= second for first, second in pairwise(places)):
            raise Malformed("page rows are not in order")
        if any(not self.prefix.value <= prefix_of(digest) < self.prefix.end for digest, *_ in places):
            raise Malformed("page holds rows outside its prefix")


def fields_of(page: bytes, digest: bytes) -> list[Fields]:
    """The rows of a digest on a page whose head has been checked before, in the order of ``Page.find``. To look for the
    digest's bytes takes 1 µs; a bisection in Python, with its calls, took 5."""
    version = page[0]
    if version not in _LAYOUTS:
        raise Malformed(f"page of rows of version {version}")
    size = _LAYOUTS[version][0].size
    at = page.find(digest, _HEAD.size)
    while at >= 0 and (at - _HEAD.size) % size:  # the same bytes by chance, across two fields
        at = page.find(digest, at + 1)
    found: list[Fields] = []
    last = len(page) - size
    while 0 <= at <= last and page.startswith(digest, at):
        found.append(_fields(version, page, at))
        at += size
    if len(found) > 1:
        found.sort(key=lambda fields: (fields[1], -fields[5]))
    return found


def _fields(version: int, page: bytes, at: int) -> Fields:
    layout, rest = _LAYOUTS[version]
    fields: Fields = (*layout.unpack_from(page, at), *rest)
    return fields


def _row(fields: Fields) -> Row:
    digest, profile, holder, tier, standing, start_s, end_s, pin, flags, key, family = fields
    known_tier, known_standing = tier_and_standing(tier, standing)
    return Row(digest, profile, holder, known_tier, known_standing, start_s, end_s, *marks(pin, flags, key, family))


def tier_and_standing(tier: int, standing: int) -> tuple[Tier, Standing]:
    """What the numbers of a row stand for. Raises ``Malformed`` for one that this software does not know."""
    if tier >= len(_TIERS) or standing >= len(_STANDINGS):
        raise Malformed(f"row of tier {tier}, standing {standing}")
    return _TIERS[tier], _STANDINGS[standing]


Marks = tuple[bool, bytes, bool, Assurance, bytes, bool]


def marks(pin: bytes, flags: int, key: bytes, family: int) -> Marks:
    """What the end of a row says: override, PIN, may signal duress, assurance, key, family. Raises ``Malformed`` for a
    flag that this software does not know."""
    if flags >> _FLAGS or family > 1:
        raise Malformed(f"row with flags {flags:#x}, family {family}")
    known_pin, known_key = b"" if pin == _NO_PIN else pin, b"" if key == _NO_KEY else key
    assurance = _ASSURANCES[flags >> _ASSURANCE_BIT]
    return bool(flags & _OVERRIDE), known_pin, bool(flags & _DURESS), assurance, known_key, bool(family)


def pack_page(prefix: Prefix, rows: Sequence[Row], version: int | None = None) -> bytes:
    """The bytes of a page; ``rows`` are within the prefix and sorted as its version wants them. Without a version it is
    of the first that says all of them."""
    version = _version_of(rows) if version is None else version
    head = _HEAD.pack(version, prefix.bits, prefix.value, len(rows))
    return head + b"".join(row.pack(version) for row in rows)


def _version_of(rows: Sequence[Row]) -> int:
    return max((row.version for row in rows), default=2)


def pack_rows(rows: Sequence[Row]) -> bytes:
    """Rows one behind the other, as pages hold them: of version 2, or behind a byte that says of which later one. The
    first have an even length, the others an odd one."""
    version = _version_of(rows)
    return (b"" if version == 2 else bytes([version])) + b"".join(row.pack(version) for row in rows)


def unpack_rows(packed: bytes) -> list[Row]:
    """Rows that ``pack_rows`` has packed."""
    is_later = len(packed) % 2
    layout, rest = _LAYOUTS[packed[0] if is_later else 2]
    return [_row((*fields, *rest)) for fields in layout.iter_unpack(packed[is_later:])]


def check_whole(prefixes: Iterable[Prefix]) -> None:
    """Raises ``Malformed`` unless the prefixes of a roster's pages, in order, cover every digest exactly once."""
    reached = 0
    for prefix in prefixes:
        if prefix.value != reached:
            raise Malformed(f"roster has a hole or an overlap at prefix {reached:08x}")
        reached = prefix.end
    if reached != WHOLE.end:
        raise Malformed(f"roster ends at prefix {reached:08x}")


FIRST_ROSTER_AGE_MS = 12 * HOUR_MS
"""How old the first roster of a device may be. A cloud issues each again after 6 hours at most."""


def refusal(
    manifest: Manifest, *, device: str, newest_number: int, newest_issued_ms: int, now_ms: int | None
) -> str | None:
    """Why a device that holds roster ``newest_number`` must not adopt this manifest, whose signature was found good.

    The same number issued again is adopted, as it makes the roster younger; an older issue of it is not.
    ``now_ms`` is None while the clock is unset: then expiry is judged by the newest issue time the device has seen.
    A device that has never had a roster (number 0) cannot tell an old one from the newest. It waits for the cloud's own
    word about the time, and takes only what a cloud that speaks now has issued: whoever plays an old roster to a device
    that has lost its memory must not bring back the cards that have been reported lost since.
    """
    is_first, now = newest_number == 0, newest_issued_ms if now_ms is None else now_ms
    reasons = {
        "wrong_device": manifest.device != device,
        "older_version": (manifest.number, manifest.issued_ms) < (newest_number, newest_issued_ms),
        "clock_unset": is_first and now_ms is None,
        "expired": manifest.expires_ms <= now,
        "too_old": is_first and now - manifest.issued_ms > FIRST_ROSTER_AGE_MS,
    }
    return next((why for why, is_so in reasons.items() if is_so), None)
