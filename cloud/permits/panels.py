"""What a person's page shows of the permits that they answer for."""

from collections.abc import Mapping

from cloud.devices.registry import site_of
from cloud.people.store import PersonView
from cloud.permits.store import permits_of_inviter
from cloud.permits.words import STATE_WORDS
from cloud.web.domain import Panel, Visit
from cloud.web.roles import Right

SHOWN = 10


def _permits_of(visit: Visit, person: PersonView) -> Mapping[str, object] | None:
    site = site_of(visit.connection).name
    found = permits_of_inviter(visit.connection, site, person.id, SHOWN)
    return {"permits": found, "states": STATE_WORDS, "now_ms": visit.now_ms} if found else None


PANELS = (Panel("person", 28, "_person_permits.html", _permits_of, right=Right.DIRECTORY),)
