"""What may stand in the query of an address: the names that its route declares, and no others.

A name that nobody reads would be dropped in silence, and whoever mistyped a filter would be shown everything.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from msgspec import Struct

from cloud.web.panels import PanelBoard

OF_PAGES = frozenset({"lang"})
"""What every page reads: the language that it is asked in."""
API = "/api/"


class UnknownQuery(Exception):
    """The query of a request names something that its address does not know; ``known`` are the names that it does."""

    def __init__(self, known: list[str]) -> None:
        self.known = known
        super().__init__(f"this address knows {', '.join(known) or 'no names'} in its query, and nothing else")


class PanelsOf(Struct, frozen=True):
    """Says of a route that it shows the panels of this page, whose names of the query it knows too."""

    page: str

    def __call__(self) -> None:
        """As a dependency it does nothing."""


def check_query(request: Request) -> None:
    """The dependency of every route. Raises ``UnknownQuery``."""
    asked = request.query_params.keys()
    if not asked:
        return
    board: PanelBoard = request.app.state.services[PanelBoard]
    known = known_names(request.url.path, request.scope["route"].dependant, board)
    if not asked <= known:
        raise UnknownQuery(sorted(known))


def known_names(path: str, dependant: Dependant, board: PanelBoard) -> set[str]:
    """The names that the query of an address may have: those that its function and their dependencies take."""
    return {*(() if path.startswith(API) else OF_PAGES), *_names_of(dependant, board)}


def _names_of(dependant: Dependant, board: PanelBoard) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    call: Any = dependant.call
    if isinstance(call, PanelsOf):
        yield from (name for panel in board.panels if panel.page == call.page for name in panel.asks)
    for inner in dependant.dependencies:
        yield from _names_of(inner, board)
