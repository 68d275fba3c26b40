"""Which points the page of points shows. Pure."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from cloud.commands.store import Order, PointState
from cloud.store.labels import Label
from contract.archetypes import Archetype
from contract.decide import Mode

Only = Literal["", "faults", "modes"]
Group = Archetype | Literal["charging"]
PATHS: Mapping[str, str] = {"portal": "/doors", "charging": "/charging"}
"""The addresses that operators know. Another group is a choice on the page of all points."""
GROUPS: tuple[Group, ...] = "portal", "charging", *get_args(Archetype)[1:]
"""In the order in which they are shown."""


class PointFilter(Struct, frozen=True, omit_defaults=True):
    """Empty fields ask for nothing. ``only`` narrows to points with faults, or in another mode than the usual one."""

    show: Literal["", "charging"] | Archetype = ""
    only: Only = ""
    zone: Annotated[str, Meta(max_length=40)] = ""
    text: Annotated[str, Meta(max_length=80)] = ""

    def changed(self, **fields: str) -> "PointFilter":
        return msgspec.structs.replace(self, **fields)

    @property
    def query(self) -> str:
        """What names it in the address of a stream."""
        return urlencode(msgspec.to_builtins(self))

    @property
    def path(self) -> str:
        """The address of the page that it chooses."""
        fields: dict[str, str] = msgspec.to_builtins(self)
        path = PATHS.get(self.show, "/points")
        if path != "/points":
            del fields["show"]
        return f"{path}?{urlencode(fields)}" if fields else path

    def matches(self, point: PointState) -> bool:
        return (
            self.show in ("", group_of(point))
            and self.zone in ("", point.zone_name)
            and (self.only != "faults" or has_fault(point))
            and (self.only != "modes" or in_a_mode(point))
            and any(self.text.casefold() in text.casefold() for text in (point.name, point.label.zh, point.label.en))
        )


def read_filter(fields: Mapping[str, Any]) -> PointFilter | None:
    """None for what no page has."""
    try:
        return msgspec.convert({name: text.strip() for name, text in fields.items() if text}, PointFilter)
    except msgspec.ValidationError:
        return None


def group_of(point: PointState) -> Group:
    """What charges is a group of its own among what people use for a while."""
    return "charging" if point.charges else point.archetype


def has_fault(point: PointState) -> bool:
    return bool(point.faults or point.report.get("faulted") or point.emergency)


def in_a_mode(point: PointState) -> bool:
    """Whether it is held open, locked down or out of service, or is to be."""
    return point.mode is not Mode.SCHEDULED or point.drifts


class Points(Struct, frozen=True, dict=True):
    """All points of the site at one moment with the newest orders, and which of them are asked for."""

    points: Sequence[PointState]
    orders: Sequence[Order]
    filter: PointFilter
    now_ms: int

    @cached_property
    def chosen(self) -> list[PointState]:
        return [point for point in self.points if self.filter.matches(point)]

    @cached_property
    def of_group(self) -> list[PointState]:
        """Those that the page is for, whatever else narrows it."""
        return [point for point in self.points if self.filter.show in ("", group_of(point))]

    @property
    def labels(self) -> dict[str, Label]:
        return {point.name: point.label for point in self.points}

    @property
    def zones(self) -> dict[str, Label]:
        """The zones that points stand in, by name."""
        return {point.zone_name: point.zone for point in sorted(self.points, key=attrgetter("zone_name"))}

    def count(self, **fields: str) -> int:
        """How many points there would be with that changed."""
        return sum(map(self.filter.changed(**fields).matches, self.points))

    @property
    def groups(self) -> list[Group]:
        """Those that the site has points of."""
        there = set(map(group_of, self.points))
        return [group for group in GROUPS if group in there]
