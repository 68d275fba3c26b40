"""The tables of the setup file that all domains bring, without their pages: a command that reads a setup starts in half
the time."""

from cloud.duties.setup_tables import TABLES as OF_DUTIES
from cloud.flats.setup_tables import TABLES as OF_FLATS
from cloud.hours.setup_tables import TABLES as OF_HOURS
from cloud.plans.setup_tables import TABLES as OF_PLANS
from cloud.points.setup_tables import TABLES as OF_POINTS
from cloud.retention.setup_tables import TABLES as OF_RETENTION
from cloud.setup.setup_tables import TABLES as OF_THE_SITE
from cloud.web.setup_table import AnyTable

SETUP_TABLES: tuple[AnyTable, ...] = (
    *(*OF_POINTS, *OF_FLATS, *OF_PLANS, *OF_HOURS),
    *(*OF_DUTIES, *OF_RETENTION, *OF_THE_SITE),
)
