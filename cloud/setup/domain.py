"""What the setup brings to the web: the settings page."""

from cloud.setup import pages
from cloud.setup.setup_tables import TABLES
from cloud.web.domain import Domain

SETUP = Domain(routers=(pages.router,), nav=pages.NAV, setup=TABLES)
