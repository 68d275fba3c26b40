"""The first setup of a community: what ``init`` makes, so that a card can be admitted as soon as there is a point."""

from sqlalchemy import Connection

from cloud.cli_parts import BY
from cloud.devices.registry import Site, found_site
from cloud.hours.rule import HOURS
from cloud.hours.setup_tables import HoursRow, row_of
from cloud.people.plans import STANDARD, ZONES, Plan
from cloud.points.rule import SiteZone
from cloud.setup.document import ReadSetup, SetupFile, read_setup, setup_of
from cloud.setup.placing import put_setup
from cloud.setup_tables import SETUP_TABLES
from cloud.store.labels import Label
from cloud.web.setup_table import Writing


def found_community(connection: Connection, site: Site, now_ms: int, file: SetupFile | None = None) -> None:
    """Make the site of a new database, and put a setup in place: that of the file, or the usual zones, hours and plans.
    Raises ``BadSite``, ``BadSetup``."""
    found_site(connection, site.name, site.zone, site.label.zh, site.label.en)
    setup = read_setup(file, SETUP_TABLES) if file else starter()
    put_setup(Writing(connection, site.name, now_ms, BY), SETUP_TABLES, setup)


def starter() -> ReadSetup:
    """The zones, hours and plans that most communities begin with."""
    zones = [SiteZone(name, Label(zh, en)) for name, zh, en in ZONES]
    return setup_of(
        {
            SiteZone: {zone.name: zone for zone in zones},
            HoursRow: {hours.name: row_of(hours) for hours in HOURS},
            Plan: {plan.name: plan for plan in STANDARD},
        }
    )
