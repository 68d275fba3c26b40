"""What the first page and the pages of a person and of the zones show of counts."""

from typing import Any

from cloud.counters.board import list_counts
from cloud.web.domain import Panel, Visit, one_piece


def _counts(visit: Visit, _about: object) -> dict[str, Any] | None:
    counts = list_counts(visit.connection, visit.now_ms)
    return {"counts": counts, "shape": [one.zone for one in counts]} if counts else None


PANELS = (Panel("overview", 20, "_counts.html", _counts, one_piece("counts", "_count_rows.html")),)
