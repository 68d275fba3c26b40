"""What cells and duties bring to the web."""

from cloud.duties import pages
from cloud.web.domain import Domain

DUTIES = Domain(routers=(pages.router,), nav=pages.NAV)
