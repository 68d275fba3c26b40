"""What pages show of cases: all that are open, and on the first page how many."""

from collections.abc import Mapping

from msgspec import Struct

from cloud.cases import store
from cloud.cases.kinds import KINDS
from cloud.cases.rule import Grade
from cloud.cases.store import CaseView
from cloud.cases.words import GRADE_WORDS, TEAM_WORDS
from cloud.devices.registry import site_of
from cloud.web.domain import LivePage, Panel, Visit, no_pieces
from cloud.web.operators import list_operators
from cloud.web.roles import Part, Right

SHOWN_SOLVED = 20
SHOWN_FIRST = 5


class Cases(Struct, frozen=True):
    """The open cases, and those that were closed last. ``more`` are open beside those that are listed."""

    open: list[CaseView]
    solved: list[CaseView]
    more: int


def find_cases(visit: Visit, _of: str = "") -> Cases:
    site = site_of(visit.connection).name
    listed, counts = store.list_open(visit.connection, site), store.count_open(visit.connection, site)
    solved = store.list_solved(visit.connection, site, SHOWN_SOLVED)
    return Cases(listed, solved, sum(counts.values()) - len(listed))


def _open(visit: Visit, found: Cases) -> Mapping[str, object]:
    may_act = Right.DOORS in visit.rights
    names = [one.name for one in list_operators(visit.connection) if not one.disabled] if may_act else []
    shape = [(one.case.id, one.case.state, one.case.count, one.case.recovered_ms) for one in found.open]
    return {**_words(visit), "may_act": may_act, "operators": names, "shape": (shape, len(found.solved))}


def _first(visit: Visit, _about: object) -> Mapping[str, object] | None:
    """The worst of those that are open."""
    site = site_of(visit.connection).name
    counts = store.count_open(visit.connection, site)
    if not counts:
        return None
    worst = store.list_open(visit.connection, site, SHOWN_FIRST)
    shape = [(one.case.id, one.case.state, one.case.recovered_ms) for one in worst]
    return {**_words(visit), "worst": worst, "counts": counts, "shape": (shape, counts)}


def _words(visit: Visit) -> Mapping[str, object]:
    return {
        "kinds": KINDS,
        "grades": GRADE_WORDS,
        "teams": TEAM_WORDS,
        "urgent": Grade.LIFE_SAFETY,
        "now_ms": visit.now_ms,
    }


PANELS = (
    Panel("cases", 0, "_cases.html", _open, no_pieces),
    Panel("overview", 11, "_worst_cases.html", _first, no_pieces),
    Panel("guard", 11, "_worst_cases.html", _first, no_pieces),
)
LIVE = LivePage("cases", find_cases, parts=(Part.ZONE,))
