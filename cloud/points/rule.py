"""Zones, classes and points as the setup has them, and what is wrong with how they stand together. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field, structs

from cloud.flats.rule import RELATIVE_ZONES
from cloud.store.labels import Label, Name
from cloud.web.sentence import N_, Sentence


class ZoneKind(StrEnum):
    """What sort of area a zone is."""

    OPEN = "open"
    COUNTED = "counted"
    HUB = "hub"
    ROOF = "roof"
    YARD = "yard"


class Counted(StrEnum):
    """What is counted in a zone."""

    PEOPLE = "people"
    VEHICLES = "vehicles"


MAX_INSIDE = 100_000
Inside = Annotated[int, Meta(ge=1, le=MAX_INSIDE, description=N_("a number of people or vehicles, at least 1"))]
ClosingTime = Annotated[
    str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?\Z", description=N_('a time of day from "00:00" to "23:59"'))
]


class AntiPassback(StrEnum):
    """What becomes of somebody who goes in without having gone out: nothing, a note, a refusal for a while, or a
    refusal until they have left."""

    NONE = "none"
    SOFT = "soft"
    TIMED = "timed"
    HARD = "hard"


TimedFor = Annotated[int, Meta(ge=10, le=3_600, description=N_("a number of seconds from 10 to 3,600"))]


class SiteZone(Struct, frozen=True):
    """An area that people are in. ``capacity`` is how many it is comfortable for, ``fire_limit`` how many may be inside
    at all; ``closes`` is when everybody should have left. ``timed_s`` is how long after somebody went in a timed
    ``anti_passback`` refuses them."""

    name: Name
    label: Label = Label()
    kind: ZoneKind = ZoneKind.OPEN
    counts: Counted = Counted.PEOPLE
    parent: str = ""
    capacity: Inside | None = None
    fire_limit: Inside | None = None
    closes: ClosingTime = ""
    anti_passback: AntiPassback = AntiPassback.NONE
    timed_s: TimedFor = 180

    @property
    def is_counted(self) -> bool:
        """Whether anything depends on how many are inside, or who: ``cloud.store.counted`` says the same."""
        return self.kind is ZoneKind.COUNTED or bool(self.capacity or self.fire_limit) or not self.is_free

    @property
    def is_free(self) -> bool:
        """Whether nobody is kept from going in twice."""
        return self.anti_passback is AntiPassback.NONE

    @property
    def told(self) -> "SiteZone | None":
        """What devices are told of it; None where it does not count."""
        return structs.replace(self, label=Label(), parent="", closes="") if self.is_counted else None


class Unit(StrEnum):
    """What the use of a class of points is measured in."""

    MINUTES = "minutes"
    WH = "wh"
    ML = "ml"
    WASHES = "washes"
    MEALS = "meals"
    VISITS = "visits"
    ITEMS = "items"


class PointClass(Struct, frozen=True):
    """A class of points whose use plans ration, each in its units."""

    name: Name
    units: tuple[Unit, ...]
    label: Label = Label()


RELATIVE_NAME = N_("%(name)s is the name of a zone that is another for every flat; take another name")
WITHIN_ITSELF = N_("the zone lies within itself (%(way)s); name a zone around it, or none")
OVER_LIMIT = N_("%(capacity)s are more than the fire limit of %(limit)s; write fewer")
EXITS_UNNAMED = N_(
    "nobody is named who leaves by %(points)s, so nobody could be held to be inside; fit a reader on the way out and "
    "no button or free arm, or take timed"
)
SECRET_IN_ADDRESS = N_("an address holds no name and no password; leave them out")
NO_ADDRESS = N_("write an address such as https://cameras.example/{point}?at={at_ms}")

CAMERA = re.compile(r"(https?|rtsp)://[^\s/@{}]+(/[^\s@]*)?")
PLACEHOLDERS = {"point", "at_ms"}
"""What stands for the point and the moment (UTC milliseconds) in the address of a camera."""


class Assured(StrEnum):
    """How hard to pretend to hold a credential must be, for it to open a point: the names of
    ``contract.decide.Assurance``."""

    NUMBER = "number"
    COPYABLE = "copyable"
    CARD = "card"
    SIGNED = "signed"


class SetupPoint(Struct, frozen=True):
    """A point as the setup has it: on which device, in which zone, of which kind of station, rationed as which class,
    and which flats it serves: a unit such as ``3-1``, a floor of it, or one flat by its name. ``camera`` is the address
    of the picture of its camera, of which nothing is held here. In the hours of ``pin`` it asks for a PIN, and no
    credential of less than ``assurance`` opens it; at a resident's home neither is asked."""

    name: Name
    device: Name
    zone: str
    kind: str = ""
    class_name: str = field(default="", name="class")
    label: Label = Label()
    unit: str = ""
    floor: int | None = None
    flat: str = ""
    camera: str = ""
    pin: str = ""
    assurance: Assured = Assured.NUMBER


def zone_faults(zone: SiteZone, zones: Mapping[str, SiteZone]) -> Iterator[tuple[str, Sentence]]:
    """What is wrong with a zone among all zones: the field at fault, and the cure. That its parent is unknown is for
    others to say."""
    if zone.name in RELATIVE_ZONES:
        yield "name", Sentence(RELATIVE_NAME, name=zone.name)
    if circle := _circle(zone, zones):
        yield "parent", Sentence(WITHIN_ITSELF, way=" in ".join(circle))
    if zone.capacity and zone.fire_limit and zone.capacity > zone.fire_limit:
        yield "capacity", Sentence(OVER_LIMIT, capacity=zone.capacity, limit=zone.fire_limit)


def exit_faults(zone: SiteZone, unnamed: Sequence[str]) -> Iterator[tuple[str, Sentence]]:
    """What is wrong with the anti-passback of a zone that people leave unnamed by these points."""
    if zone.anti_passback is AntiPassback.HARD and unnamed:
        yield "anti_passback", Sentence(EXITS_UNNAMED, points=", ".join(unnamed))


def _circle(zone: SiteZone, zones: Mapping[str, SiteZone]) -> list[str]:
    """The way from a zone outwards back to itself; empty if there is none."""
    way = [zone.name]
    around = zone.parent
    while around and around not in way:
        way.append(around)
        around = zones[around].parent if around in zones else ""
    return [*way, around] if around == zone.name else []


def camera_address(camera: str, point: str, at_ms: int) -> str:
    """The address of the picture of a point at that moment, which a browser may be led to; empty for a camera that is
    none of the web's."""
    filled = camera.replace("{point}", point).replace("{at_ms}", str(at_ms))
    return filled if filled.startswith(("http://", "https://")) else ""


def camera_fault(camera: str) -> str:
    """What is wrong with the address of a camera; empty if nothing is."""
    if not camera:
        return ""
    bare = re.sub(r"\{(\w*)\}", lambda found: "x" if found[1] in PLACEHOLDERS else found[0], camera)
    if "@" in camera:
        return Sentence(SECRET_IN_ADDRESS)
    if not CAMERA.fullmatch(bare):
        return Sentence(NO_ADDRESS)
    return ""
