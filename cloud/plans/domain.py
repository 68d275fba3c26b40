"""What plans bring to the web, and to the setup file."""

from cloud.plans import pages
from cloud.plans.setup_tables import TABLES
from cloud.web.domain import Domain

PLANS = Domain(routers=(pages.router,), nav=pages.NAV, setup=TABLES)
