"""Pages made of panels that domains bring: what each panel finds at one moment, and the page of them all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fastapi.responses import HTMLResponse
from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.event_views import last_arrival
from cloud.store.database import Clock
from cloud.web.context import RequestContext, or_404
from cloud.web.domain import Panel, Piece, Visit
from cloud.web.pages import shape_of
from cloud.web.roles import Right

NO_QUERY: Mapping[str, str] = {}


class Shown(Struct, frozen=True):
    """What a page shows at one moment: its panels, each with its values. ``of`` names what the page is about, and
    ``after`` is the newest event that it knows of."""

    page: str
    of: str
    panels: Sequence[tuple[Panel, Mapping[str, Any]]]
    after: int
    now_ms: int

    @property
    def awaited(self) -> bool:
        """Whether an answer is still to come for which the page is loaded again."""
        return any(values.get("awaited") for _, values in self.panels)

    @property
    def shape(self) -> str:
        """Another one whenever the page's forms or lists would be others."""
        return shape_of([values.get("shape") for panel, values in self.panels if panel.pieces])

    def pieces(self) -> Iterator[tuple[Piece, Mapping[str, Any]]]:
        """What a stream keeps fresh, with all that its templates need."""
        for panel, values in self.panels:
            for piece in panel.pieces(values) if panel.pieces else ():
                yield piece, {**values, **piece.values}


class PanelBoard(NamedTuple):
    """The panels of all domains. ``services`` are what some of them ask."""

    panels: Sequence[Panel]
    services: Mapping[type, Any]
    clock: Clock

    def visit(self, connection: Connection, rights: frozenset[Right], query: Mapping[str, str] = NO_QUERY) -> Visit:
        return Visit(connection, self.clock(), self.services, query, rights)

    def look(self, visit: Visit, page: str, about: object, of: str = "", *, live: bool = False) -> Shown:
        """What the page is to show. A ``live`` look leaves out what no stream keeps fresh."""
        ours = [panel for panel in self.panels if panel.page == page and panel.right in visit.rights]
        mine = [panel for panel in ours if panel.pieces or not live]
        looked = [(panel, panel.look(visit, about)) for panel in sorted(mine, key=lambda panel: panel.place)]
        present = [(panel, {page: about, **values}) for panel, values in looked if values is not None]
        return Shown(page, of, present, 0 if live else last_arrival(visit.connection), visit.now_ms)


def render_panels(
    context: RequestContext,
    page: str,
    find: Callable[[Visit], Any],
    describe: Callable[[Any], Mapping[str, Any]],
    *,
    of: str = "",
    **values: Any,
) -> HTMLResponse:
    """The page of what ``find`` finds; a 404 if that is nothing. ``of`` names it for the stream; ``describe`` says the
    ``title``, and the ``section`` of the navigation where the address does not."""
    board = context.service(PanelBoard)
    with context.store.reading() as connection:
        rights = context.login.rights
        visit = board.visit(connection, rights, context.request.query_params)
        about = or_404(find(visit))
        shown = board.look(visit, page, about, of)
    return context.render("panels.html", shown=shown, **describe(about), **values)
