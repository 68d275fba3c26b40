"""What the first page and the pages of a person and of the zones show of counts."""

from typing import Any

from cloud.counters.board import list_counts
from cloud.counters.store import counted_zones
from cloud.web.domain import Panel, Visit, one_piece
from cloud.web.roles import Right


def _counts(visit: Visit, _about: object) -> dict[str, Any] | None:
    counts = list_counts(visit.connection, visit.now_ms)
    return {"counts": counts, "shape": [one.zone for one in counts]} if counts else None


def _once_inside(visit: Visit, _person: object) -> dict[str, Any] | None:
    """The zones that let nobody in twice. Whether this person is inside is not said: that is a look at movements."""
    zones = [one for one in counted_zones(visit.connection).values() if not one.is_free]
    return {"zones": zones} if zones else None


PANELS = (
    Panel("overview", 20, "_counts.html", _counts, one_piece("counts", "_count_rows.html")),
    Panel("person", 29, "_enter_again.html", _once_inside, right=Right.DOORS),
)
