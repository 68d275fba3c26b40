"""What a person's page shows of the permits that they answer for, and the first page of who overstayed."""

from collections.abc import Mapping

from cloud.devices.registry import site_of
from cloud.people.store import PersonView
from cloud.permits.kinds import KINDS
from cloud.permits.store import notices_of, permits_of_inviter
from cloud.permits.words import STATE_WORDS
from cloud.web.domain import Panel, Visit, no_pieces
from cloud.web.roles import Right

SHOWN = 10


def _permits_of(visit: Visit, person: PersonView) -> Mapping[str, object] | None:
    site = site_of(visit.connection).name
    found = permits_of_inviter(visit.connection, site, person.id, SHOWN)
    return {"permits": found, "states": STATE_WORDS, "now_ms": visit.now_ms} if found else None


def _overstays(visit: Visit, _about: object) -> Mapping[str, object] | None:
    """For whoever sees the whole site: a visitor is of no single zone."""
    if visit.scope.zone is not None:
        return None
    found = notices_of(visit.connection, site_of(visit.connection).name, SHOWN)
    shape = [(one.kind, one.hour_ms, one.overstayed) for one in found]
    return {"notices": found, "every_kind": KINDS, "shape": shape} if found else None


PANELS = (
    Panel("person", 28, "_person_permits.html", _permits_of, right=Right.DIRECTORY),
    Panel("overview", 12, "_permit_notices.html", _overstays, no_pieces),
    Panel("guard", 12, "_permit_notices.html", _overstays, no_pieces),
)
