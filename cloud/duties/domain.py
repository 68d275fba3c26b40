"""What cells and duties bring to the web, and to the setup file."""

from cloud.duties import pages
from cloud.duties.setup_tables import TABLES
from cloud.web.domain import Domain

DUTIES = Domain(routers=(pages.router,), nav=pages.NAV, setup=TABLES)
