"""Pages made of panels: their order, what a stream looks at, and what may be found."""

from cloud.app import DOMAINS
from cloud.web.domain import Panel, no_pieces
from cloud.web.panels import PanelBoard
from cloud.web.roles import Right
from tests.cloud.support.town import NOW_MS, Town


def board(*panels: Panel) -> PanelBoard:
    return PanelBoard(panels, {}, lambda: NOW_MS)


def test_panels_stand_in_their_declared_order(town: Town) -> None:
    """Whichever domain brings them; what finds nothing is not there."""
    late = Panel("tree", 20, "late.html")
    early = Panel("tree", 10, "early.html", lambda _visit, about: {"leaves": about})
    never = Panel("tree", 15, "never.html", lambda _visit, _about: None)
    other = Panel("stone", 1, "other.html")
    brought = board(late, never, other, early)
    with town.store.reading() as connection:
        shown = brought.look(brought.visit(connection, frozenset(Right)), "tree", "oak")
    assert [(panel.template, found) for panel, found in shown.panels] == [
        ("early.html", {"tree": "oak", "leaves": "oak"}),
        ("late.html", {"tree": "oak"}),
    ]


def test_panel_is_there_for_who_has_its_right(town: Town) -> None:
    open_to_all, hidden = Panel("tree", 10, "open.html"), Panel("tree", 20, "hidden.html", right=Right.MOVEMENTS)
    brought = board(open_to_all, hidden)
    with town.store.reading() as connection:
        shown = brought.look(brought.visit(connection, frozenset({Right.READ})), "tree", "oak")
    assert [panel.template for panel, _ in shown.panels] == ["open.html"]


def test_stream_looks_at_live_panels_alone(town: Town) -> None:
    """And so the shape of a page is that of its live panels: a page just made has the shape that its stream tells."""
    still = Panel("tree", 10, "still.html", lambda _visit, _about: {"shape": "of a form that nobody keeps fresh"})
    live = Panel("tree", 20, "live.html", lambda _visit, about: {"shape": about}, no_pieces)
    brought = board(still, live)
    with town.store.reading() as connection:
        visit = brought.visit(connection, frozenset(Right))
        page, stream = (brought.look(visit, "tree", "oak", live=live) for live in (False, True))
        other = brought.look(visit, "tree", "elm", live=True)
    assert [panel.template for panel, _ in stream.panels] == ["live.html"]
    assert page.shape == stream.shape != other.shape


def test_places_of_the_panels_of_a_page_differ() -> None:
    """Two panels of one place would stand in the order in which their domains are listed."""
    places = [(panel.page, panel.place, panel.template) for domain in DOMAINS for panel in domain.panels]
    taken = {(page, place) for page, place, _ in places}
    assert len(taken) == len(places)
