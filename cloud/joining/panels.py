"""What the guard's page shows of riders who wait."""

from collections.abc import Mapping

from cloud.devices.registry import site_of
from cloud.joining.store import waiting_requests
from cloud.web.domain import Panel, Visit, no_pieces
from cloud.web.roles import Right


def _waiting(visit: Visit, _about: object) -> Mapping[str, object] | None:
    waiting = waiting_requests(visit.connection, site_of(visit.connection).name, visit.now_ms)
    return {"waiting": waiting, "shape": [one.id for one in waiting]} if waiting else None


PANELS = (Panel("guard", 10, "_waiting_riders.html", _waiting, no_pieces, right=Right.DOORS),)
