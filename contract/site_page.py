"""The site page: what the rows of a site share, and the grants that rows become with it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct, msgpack
from msgspec.structs import asdict

from contract.codec import Malformed, unpack
from contract.decide import Grant, Standing, Tier
from contract.demands import Assurance, Demand
from contract.messages import MAX_PAYLOAD_BYTES, Name
from contract.quantities import Allotment, Amount, Quantity
from contract.roster import KEY_BYTES, Marks, Row, Undeliverable, fields_of, marks, tier_and_standing
from contract.schedules import ALWAYS, Schedule
from contract.zone_rules import PageZone

T = TypeVar("T")


class Rations(Struct, frozen=True):
    """What one device gives a holder in a day, where its software knows nothing of quantities that are lent."""

    minutes: Amount
    wh: Amount

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The same as quantities: all of it is the device's own, and it asks nobody."""
        return Quantity(self.minutes, "minutes", floor=self.minutes), Quantity(self.wh, "wh", floor=self.wh)


class PageDemand(Struct, frozen=True, omit_defaults=True):
    """What a point asks of who enters: a PIN while the schedule of this name is open (empty: never), and a credential
    of at least this assurance."""

    pin: Name | Literal[""] = ""
    assurance: Assurance = Assurance.NUMBER


MAX_PROFILES = 1 << 16
MAX_PASS_KEYS = 4
"""The key that signs passes is changed by hand; those of before are known until their passes have ended."""
MAX_REVOKED = 4_096
PublicKey = Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
PassId = Annotated[bytes, Meta(min_length=8, max_length=8)]
MAX_QUANTITIES = 8
"""Of one allotment; there are seven units."""


class SitePage(Struct, frozen=True):
    """What the rows of a site share. A profile maps points to names of schedules: who may pass where, and when.

    ``quotas`` and ``resets`` stand beside the profiles, one for one: from which allotment each point is used, and the
    zones whose emergency may be ended. A page of before there were any has neither. ``slow`` are the profiles, by
    number, of people who are given more time to pass; software that does not know it gives them as much as everybody.
    What an allotment holds is said by ``quantities``, and by ``allotments`` for software that does not read those.
    ``demands`` are those of points that ask for more than a grant. ``zones`` are those that count, by name, and
    ``counted`` the points that lead into one and count what it counts. ``pass_keys`` are the public keys by which the
    cloud's passes are believed, the newest first, and ``revoked`` the passes that were withdrawn before their end.
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
    demands: dict[Name, PageDemand] = {}
    zones: dict[Name, PageZone] = {}
    counted: dict[Name, Name] = {}
    pass_keys: Annotated[list[PublicKey], Meta(max_length=MAX_PASS_KEYS)] = []
    revoked: Annotated[list[PassId], Meta(max_length=MAX_REVOKED)] = []


_OF_VERSION_5 = ("zones", "counted", "pass_keys", "revoked")
"""Fields that are not written while they are empty: such a page is as it was before there were any."""


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
        """Raises ``Malformed`` if the page names what is not on it, or the zone is none of this world."""
        try:
            self.zone = ZoneInfo(page.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones, or too long
            raise Malformed(f"site page: no time zone {page.zone!r}") from None
        shares = {name: share.quantities for name, share in page.allotments.items()}
        lent = {name: tuple(quantities) for name, quantities in page.quantities.items()}
        self.allotments = {name: _allotment(name, held) for name, held in (shares | lent).items()}
        schedules = {name: ALWAYS if hours == ALWAYS else hours for name, hours in page.schedules.items()}
        self.demands = {point: _demand(asked, schedules) for point, asked in page.demands.items()}
        _resolved(page.counted, page.zones, "zone")
        self.zones: Mapping[str, PageZone] = page.zones
        self.counted: Mapping[str, str] = page.counted
        self.pass_keys, self.revoked = tuple(page.pass_keys), frozenset(page.revoked)
        quotas = _beside(page.profiles, page.quotas, dict[str, str]())
        resets = _beside(page.profiles, page.resets, list[str]())
        slow = frozenset(page.slow)
        self._profiles = [
            self._profile(_resolved(points, schedules, "schedule"), quota, zones, slow=number in slow)
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
            self._grant(one[1], one[2], *tier_and_standing(one[3], one[4]), one[5], one[6], marks(*one[7:]))
            for one in fields_of(page, digest)
        ]

    def grant(self, row: Row) -> Grant:
        """Raises ``Malformed`` if the row's profile is not in the site page."""
        marked = row.override, row.pin, row.may_signal_duress, row.assurance, row.key, row.family
        return self._grant(row.profile, row.holder, row.tier, row.standing, row.valid_from_s, row.valid_until_s, marked)

    def _profile(
        self, points: Mapping[str, Schedule], quota: Mapping[str, str], zones: Sequence[str], *, slow: bool
    ) -> _Profile:
        allotments = _resolved(quota, self.allotments, "allotment")
        by_term = any(held.of_term(0) is not held for held in allotments.values())
        return _Profile(points, allotments, frozenset(zones), slow, by_term)

    def _grant(
        self,
        profile: int,
        holder: bytes,
        tier: Tier,
        standing: Standing,
        valid_from_s: int,
        valid_until_s: int,
        marked: Marks,
    ) -> Grant:
        if profile >= len(self._profiles):
            raise Malformed(f"row names profile {profile} of {len(self._profiles)}")
        points, allotments, resets, slow, by_term = self._profiles[profile]
        if by_term:
            allotments = {point: held.of_term(valid_from_s) for point, held in allotments.items()}
        return Grant(
            holder,
            tier,
            points,
            standing,
            valid_from_s * 1000,
            valid_until_s * 1000,
            allotments,
            resets,
            slow,
            *marked,
        )


def _allotment(name: str, quantities: tuple[Quantity, ...]) -> Allotment:
    """Raises ``Malformed`` where a unit is named twice: nobody could say from which of them something is used."""
    if len({quantity.unit for quantity in quantities}) < len(quantities):
        raise Malformed(f"site page: a unit of allotment {name!r} is named twice")
    return Allotment(name, quantities)


def _demand(asked: PageDemand, schedules: Mapping[str, Schedule]) -> Demand:
    """Raises ``Malformed`` where the hours of a PIN are none of the page's."""
    if asked.pin and asked.pin not in schedules:
        raise Malformed(f"site page: no schedule {asked.pin!r}")
    return Demand(schedules[asked.pin] if asked.pin else None, asked.assurance)


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


def pack_site(page: SitePage) -> bytes:
    """The bytes of a site page. Raises ``Undeliverable`` for one that no message can carry."""
    if len(page.profiles) > MAX_PROFILES:
        raise Undeliverable(f"{len(page.profiles)} profiles, and a device takes {MAX_PROFILES}")
    said = {name: value for name, value in asdict(page).items() if value or name not in _OF_VERSION_5}
    blob = msgpack.encode(said)
    if len(blob) > MAX_PAYLOAD_BYTES:
        raise Undeliverable(f"a site page of {len(blob)} bytes, and a message holds {MAX_PAYLOAD_BYTES}")
    return blob
