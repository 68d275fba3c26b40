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
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

from contract.codec import Malformed, pack, unpack
from contract.decide import HOUR_MS, Grant, Standing, Tier
from contract.messages import MAX_PAYLOAD_BYTES, Manifest, Name
from contract.quantities import Allotment, Amount, Quantity
from contract.schedules import Schedule
from contract.sealing import DIGEST_BYTES

T = TypeVar("T")

HOLDER_BYTES = 8
SPLIT_ABOVE = 192
MERGE_BELOW = 48
MERGE_UP_TO = SPLIT_ABOVE - MERGE_BELOW
"""Two halves become one page only up to here, so that one row coming and going does not split and merge for ever."""
MAX_PREFIX_BITS = 32
MAX_PAGE_ROWS = 4096
"""A page that a device accepts; only a site whose digests collide in 32 bits could come near it."""

_HEAD = struct.Struct(">BBIH")
_ROW = struct.Struct(f">{DIGEST_BYTES}sH{HOLDER_BYTES}sBBII")
_Fields = tuple[bytes, int, bytes, int, int, int, int]
PAGE_VERSIONS = (1, 2, 3)
"""Which versions of pages this software reads, for ``RosterState.reads``."""
ROW_VERSIONS = (1, 2)
"""Those in which a page of rows differs; who reads a later one reads rows of the last."""
_TIERS = tuple(Tier)
_STANDINGS = tuple(Standing)


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
    """A grant as it is stored: 36 bytes. ``profile`` counts into the site page; the window is half-open UTC seconds,
    0 for no bound. Rows sort by ``key``: digest, profile, then the beginning of the window."""

    digest: bytes
    profile: int
    holder: bytes
    tier: Tier
    standing: Standing = Standing.ACTIVE
    valid_from_s: int = 0
    valid_until_s: int = 0

    @property
    def key(self) -> tuple[bytes, int, int]:
        """What a page of version 2 is ordered by; no two of its rows have the same."""
        return self.digest, self.profile, self.valid_from_s

    def __lt__(self, other: "Row") -> bool:
        return self.key < other.key

    def pack(self) -> bytes:
        """Raises ``ValueError`` for a digest or holder of another length: it would be cut or padded unseen."""
        if len(self.digest) != DIGEST_BYTES or len(self.holder) != HOLDER_BYTES:
            raise ValueError(f"row with a digest of {len(self.digest)} and a holder of {len(self.holder)} bytes")
        tier, standing = _TIERS.index(self.tier), _STANDINGS.index(self.standing)
        return _ROW.pack(self.digest, self.profile, self.holder, tier, standing, self.valid_from_s, self.valid_until_s)


class Rations(Struct, frozen=True):
    """What one device gives a holder in a day, where its software knows nothing of quantities that are lent."""

    minutes: Amount
    wh: Amount

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The same as quantities: all of it is the device's own, and it asks nobody."""
        return Quantity(self.minutes, "minutes", floor=self.minutes), Quantity(self.wh, "wh", floor=self.wh)


MAX_PROFILES = 1 << 16
MAX_QUANTITIES = 8
"""Of one allotment; there are seven units."""


class SitePage(Struct, frozen=True):
    """What the rows of a site share. A profile maps points to names of schedules: who may pass where, and when.

    ``quotas`` and ``resets`` stand beside the profiles, one for one: from which allotment each point is used, and the
    zones whose emergency may be ended. A page of before there were any has neither. ``slow`` are the profiles, by
    number, of people who are given more time to pass; software that does not know it gives them as much as everybody.
    What an allotment holds is said by ``quantities``, and by ``allotments`` for software that does not read those.
    """

    zone: str
    schedules: dict[Name, Schedule]
    profiles: Annotated[list[dict[Name, Name]], Meta(max_length=MAX_PROFILES)]
    version: int = 1
    allotments: dict[Name, Rations] = {}
    quotas: Annotated[list[dict[Name, Name]], Meta(max_length=MAX_PROFILES)] = []
    resets: Annotated[list[list[Name]], Meta(max_length=MAX_PROFILES)] = []
    slow: Annotated[list[int], Meta(max_length=MAX_PROFILES)] = []
    quantities: dict[Name, Annotated[list[Quantity], Meta(min_length=1, max_length=MAX_QUANTITIES)]] = {}


class _Profile(NamedTuple):
    """A profile with its references resolved. ``by_term``: one of its allotments is another in every term."""

    points: Mapping[str, Schedule]
    allotments: Mapping[str, Allotment]
    resets: frozenset[str]
    slow: bool
    by_term: bool


class Site:
    """A site page with its references resolved, ready to make grants of rows."""

    def __init__(self, page: SitePage) -> None:
        """Raises ``Malformed`` if a profile names what is not there, or the zone is none of this world."""
        try:
            self.zone = ZoneInfo(page.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones, or too long
            raise Malformed(f"site page: no time zone {page.zone!r}") from None
        shares = {name: share.quantities for name, share in page.allotments.items()}
        lent = {name: tuple(quantities) for name, quantities in page.quantities.items()}
        self.allotments = {name: _allotment(name, held) for name, held in (shares | lent).items()}
        quotas = _beside(page.profiles, page.quotas, dict[str, str]())
        resets = _beside(page.profiles, page.resets, list[str]())
        slow = frozenset(page.slow)
        self._profiles = [
            self._profile(_resolved(points, page.schedules, "schedule"), quota, zones, slow=number in slow)
            for number, (points, quota, zones) in enumerate(zip(page.profiles, quotas, resets, strict=True))
        ]

    @classmethod
    def from_blob(cls, blob: bytes) -> "Site":
        """Raises ``Malformed``."""
        return cls(unpack(blob, SitePage))

    def grants(self, page: bytes, digest: bytes) -> list[Grant]:
        """What a page grants a credential, by the rows that ``Page.find`` gives. The page has been checked before: its
        head is not looked at again. Raises ``Malformed`` for a row that this software or this site does not know."""
        return [
            self._grant(profile, holder, *_tier_and_standing(tier, standing), start_s, end_s)
            for _, profile, holder, tier, standing, start_s, end_s in _fields_of(page, digest)
        ]

    def grant(self, row: Row) -> Grant:
        """Raises ``Malformed`` if the row's profile is not in the site page."""
        return self._grant(row.profile, row.holder, row.tier, row.standing, row.valid_from_s, row.valid_until_s)

    def _profile(
        self, points: Mapping[str, Schedule], quota: Mapping[str, str], zones: Sequence[str], *, slow: bool
    ) -> _Profile:
        allotments = _resolved(quota, self.allotments, "allotment")
        by_term = any(held.of_term(0) is not held for held in allotments.values())
        return _Profile(points, allotments, frozenset(zones), slow, by_term)

    def _grant(
        self, profile: int, holder: bytes, tier: Tier, standing: Standing, valid_from_s: int, valid_until_s: int
    ) -> Grant:
        if profile >= len(self._profiles):
            raise Malformed(f"row names profile {profile} of {len(self._profiles)}")
        points, allotments, resets, slow, by_term = self._profiles[profile]
        if by_term:
            allotments = {point: held.of_term(valid_from_s) for point, held in allotments.items()}
        window_ms = valid_from_s * 1000, valid_until_s * 1000
        return Grant(holder, tier, points, standing, *window_ms, allotments, resets, slow)


def _allotment(name: str, quantities: tuple[Quantity, ...]) -> Allotment:
    """Raises ``Malformed`` where a unit is named twice: nobody could say from which of them something is used."""
    if len({quantity.unit for quantity in quantities}) < len(quantities):
        raise Malformed(f"site page: a unit of allotment {name!r} is named twice")
    return Allotment(name, quantities)


def _beside(profiles: Sequence[object], listed: Sequence[T], nothing: T) -> Sequence[T]:
    """What is listed for each profile, or nothing for any. Raises ``Malformed`` if it is listed for some of them."""
    if listed and len(listed) != len(profiles):
        raise Malformed(f"site page: {len(profiles)} profiles, and {len(listed)} entries beside them")
    return listed or [nothing] * len(profiles)


def _resolved(names: Mapping[str, str], meanings: Mapping[str, T], what: str) -> dict[str, T]:
    """What each point's name stands for. Raises ``Malformed``."""
    missing = [name for name in names.values() if name not in meanings]
    if missing:
        raise Malformed(f"site page: no {what} {missing[0]!r}")
    return {point: meanings[name] for point, name in names.items()}


class Page:
    """``dn/page``: a page of the roster over its own bytes, believed by its hash, which stands in the manifest."""

    def __init__(self, blob: bytes) -> None:
        """Raises ``Malformed`` unless the bytes have the form of a page; ``check()`` looks at every row."""
        if len(blob) < _HEAD.size:
            raise Malformed(f"page of {len(blob)} bytes")
        version, bits, value, count = _HEAD.unpack_from(blob)
        if version not in ROW_VERSIONS or bits > MAX_PREFIX_BITS or count > MAX_PAGE_ROWS:
            raise Malformed(f"page version {version}, prefix of {bits} bits, {count} rows")
        if len(blob) != _HEAD.size + count * _ROW.size:
            raise Malformed(f"page of {len(blob)} bytes for {count} rows")
        if value << bits & 0xFFFFFFFF:
            raise Malformed(f"page prefix {value:08x} is longer than its {bits} bits")
        self.version: int = version
        self.prefix = Prefix(value, bits)
        self.count: int = count
        self.blob = blob

    def row(self, index: int) -> Row:
        """Raises ``Malformed`` for a tier or standing this software does not know."""
        return _row(_ROW.unpack_from(self.blob, _HEAD.size + index * _ROW.size))

    def rows(self) -> Iterator[Row]:
        return (self.row(index) for index in range(self.count))

    def find(self, digest: bytes) -> list[Row]:
        """Every row of a credential: some for each profile, as a resident's home gate outlasts their gym membership.
        Of one profile the latest window comes first: where none of them holds, its refusal is the one people hear.
        """
        return [_row(fields) for fields in _fields_of(self.blob, digest)]

    def check(self) -> None:
        """Raises ``Malformed`` unless all rows are known, within the prefix, and in the order of the page's version."""
        keys = [row.key if self.version > 1 else row.key[:2] for row in self.rows()]
        if any(first >= second for first, second in pairwise(keys)):
            raise Malformed("page rows are not in order")
        if any(not self.prefix.value <= prefix_of(digest) < self.prefix.end for digest, *_ in keys):
            raise Malformed("page holds rows outside its prefix")


def _fields_of(page: bytes, digest: bytes) -> list[_Fields]:
    """To look for the digest's bytes takes 1 µs; a bisection in Python, with its calls, took 5."""
    at = page.find(digest, _HEAD.size)
    while at >= 0 and (at - _HEAD.size) % _ROW.size:  # the same bytes by chance, across two fields
        at = page.find(digest, at + 1)
    found: list[_Fields] = []
    last = len(page) - _ROW.size
    while 0 <= at <= last and page.startswith(digest, at):
        found.append(_ROW.unpack_from(page, at))
        at += _ROW.size
    if len(found) > 1:
        found.sort(key=lambda fields: (fields[1], -fields[5]))
    return found


def _row(fields: _Fields) -> Row:
    digest, profile, holder, tier, standing, start_s, end_s = fields
    return Row(digest, profile, holder, *_tier_and_standing(tier, standing), start_s, end_s)


def _tier_and_standing(tier: int, standing: int) -> tuple[Tier, Standing]:
    """Raises ``Malformed`` for one that this software does not know."""
    if tier >= len(_TIERS) or standing >= len(_STANDINGS):
        raise Malformed(f"row of tier {tier}, standing {standing}")
    return _TIERS[tier], _STANDINGS[standing]


def pack_page(prefix: Prefix, rows: Sequence[Row], version: int = ROW_VERSIONS[-1]) -> bytes:
    """The bytes of a page; ``rows`` are within the prefix and sorted as its version wants them."""
    head = _HEAD.pack(version, prefix.bits, prefix.value, len(rows))
    return head + b"".join(row.pack() for row in rows)


def unpack_rows(packed: bytes) -> list[Row]:
    """Rows that were packed one behind the other, by this software."""
    return [
        Row(digest, profile, holder, _TIERS[tier], _STANDINGS[standing], start, end)
        for digest, profile, holder, tier, standing, start, end in _ROW.iter_unpack(packed)
    ]


def pack_site(page: SitePage) -> bytes:
    """The bytes of a site page. Raises ``Undeliverable`` for one that no message can carry."""
    if len(page.profiles) > MAX_PROFILES:
        raise Undeliverable(f"{len(page.profiles)} profiles, and a device takes {MAX_PROFILES}")
    blob = pack(page)
    if len(blob) > MAX_PAYLOAD_BYTES:
        raise Undeliverable(f"a site page of {len(blob)} bytes, and a message holds {MAX_PAYLOAD_BYTES}")
    return blob


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
