"""Every kind of portal that the suite of all portals takes: a new kind is one line here."""

from tests.edge.support.doors import DOORS
from tests.edge.support.portals import PortalCase
from tests.edge.support.turnstiles import TURNSTILES

PORTALS: tuple[PortalCase, ...] = (
    DOORS,
    TURNSTILES,
)
PHASES = [(case, phase) for case in PORTALS for phase in case.phases]
ROWS = [(case, *row) for case in PORTALS for row in case.step.table]


def name(part: object) -> str:
    """How a case is called in the names of tests."""
    return part.kind.name if isinstance(part, PortalCase) else str(part)
