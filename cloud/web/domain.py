"""What a domain of the cloud brings to the web."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response
from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.event_views import EventView
from cloud.store.labels import Label
from cloud.store.scope import Scope, scope_of
from cloud.web.i18n import N_
from cloud.web.roles import Part, Right
from cloud.web.sentence import Sentence

T = TypeVar("T")
Answer = Callable[[Request, Exception], Awaitable[Response]]


class NavGroup(StrEnum):
    """Entries of the navigation that stand together. Those of ``DAILY`` are always in sight, the others stand under
    More, each group below its name, a text of the catalogue."""

    DAILY = ""
    PEOPLE = N_("People and flats")
    ESTATE = N_("Zones, plans and hours")
    DEVICES = N_("Devices")
    OFFICE = N_("Administration")


class Nav(Struct, frozen=True):
    """An entry of the console's navigation, for those who have the right, and ``parts`` as the page has them. ``after``
    is the path of the entry behind which it stands, where the order of the domains does not say it. ``also`` matches
    the paths of pages without an entry of their own that belong to this one."""

    group: NavGroup
    path: str
    text: str
    after: str = ""
    right: Right = Right.READ
    also: str = r"(?!)"
    parts: tuple[Part, ...] = ()


def in_order(entries: Sequence[Nav]) -> list[Nav]:
    """Every entry by its group; within a group as they come, each directly followed by those that stand behind it.
    Raises ``ValueError`` for one that stands behind none."""
    listed = sorted(_followers(entries, ""), key=lambda entry: list(NavGroup).index(entry.group))
    if len(listed) < len(entries):
        lost = {entry.path for entry in entries} - {entry.path for entry in listed}
        raise ValueError(f"No entry of the navigation stands before {', '.join(sorted(lost))}")
    return listed


def _followers(entries: Sequence[Nav], path: str) -> Iterator[Nav]:
    for entry in entries:
        if entry.after == path:
            yield entry
            yield from _followers(entries, entry.path)


class Visit(NamedTuple):
    """One look at a page by somebody with these rights; what they see the connection knows. ``query`` is empty where a
    stream looks, which looks for everybody of a role."""

    connection: Connection
    now_ms: int
    services: Mapping[type, Any]
    query: Mapping[str, str]
    rights: frozenset[Right] = frozenset(Right)

    @property
    def scope(self) -> Scope:
        return scope_of(self.connection)

    def service(self, kind: type[T]) -> T:
        """The application's one service of this type."""
        instance: T = self.services[kind]
        return instance


class Piece(NamedTuple):
    """A part of a panel that the stream of its page keeps fresh: one element, whose id is ``name``."""

    name: str
    template: str
    values: Mapping[str, Any] = {}


class Panel(Struct, frozen=True):
    """A part of a page, and the values that ``look`` gives its template beside what the page is about, which templates
    know by the page's name; None where there is nothing to show. The panels of a page stand in the order of ``place``,
    each for those who have its right.

    ``pieces`` are what the stream of the page keeps fresh, by its values. What else the panel shows, such as its
    forms, depends on the value ``shape`` among its values: the page is loaded again when that is another. The stream
    does not look at a panel without ``pieces``. ``asks`` are the names of the query that ``look`` reads.
    """

    page: str
    place: int
    template: str
    look: Callable[[Visit, Any], Mapping[str, Any] | None] = lambda _visit, _about: {}
    pieces: Callable[[Mapping[str, Any]], Iterable[Piece]] | None = None
    right: Right = Right.READ
    asks: tuple[str, ...] = ()


def no_pieces(_values: Mapping[str, Any]) -> Iterable[Piece]:
    """Of a panel that only has a shape."""
    return ()


def one_piece(name: str, template: str) -> Callable[[Mapping[str, Any]], Iterable[Piece]]:
    """Of a panel that shows one thing."""
    return lambda _values: (Piece(name, template),)


class LivePage(Struct, frozen=True):
    """A page that a stream keeps fresh. ``find`` finds what it is about by the rest of its address, None if there is
    nothing of that name; ``shows`` says which events become lines of it. One that ``shows_emergencies`` in full has
    none in the banner above it. ``parts`` are those that the page is made for."""

    name: str
    find: Callable[[Visit, str], Any]
    shows: Callable[[str, EventView], bool] = lambda _of, _event: False
    shows_emergencies: bool = False
    parts: tuple[Part, ...] = ()


class Newcomer(Struct, frozen=True):
    """Somebody who moves in: a person who is listed, or one to be added under this name. ``until_ms`` is the end of a
    tenant's lease, 0 for none."""

    role: str
    person: int | None = None
    name: Label | None = None
    until_ms: int = 0


class MovingDay(Struct, frozen=True):
    """Who leaves a flat's party, and on which ground; who comes; and when. ``leavers`` are people."""

    party: int
    leavers: tuple[int, ...]
    newcomers: tuple[Newcomer, ...]
    ground: str
    out_ms: int
    in_ms: int


class MovingStep(Struct, frozen=True):
    """What a domain does on a moving day, in the one transaction of all steps. ``preview`` says what it will do, one
    thing in each sentence; ``carry_out`` does it for the operator of that name, and returns the day as later steps need
    it: whoever was added has a number then. Steps are carried out in the order of ``place``."""

    place: int
    name: str
    preview: Callable[[Connection, MovingDay], Sequence[Sentence]]
    carry_out: Callable[[Connection, int, str, MovingDay], MovingDay]


class Domain(Struct, frozen=True):
    """``refusals`` are exceptions of its use cases, each with the status of its answer under the API, and with the text
    where that is not the exception's own. ``answers`` are what its pages answer to exceptions in a way of their own.
    Its tables of the setup file stand in ``cloud.setup_tables``."""

    routers: tuple[APIRouter, ...]
    nav: tuple[Nav, ...] = ()
    panels: tuple[Panel, ...] = ()
    live: tuple[LivePage, ...] = ()
    refusals: Mapping[type[Exception], int | tuple[int, str]] = {}
    moving: tuple[MovingStep, ...] = ()
    answers: Mapping[type[Exception], Answer] = {}
