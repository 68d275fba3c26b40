"""What import and export bring to the web."""

from cloud.exchange import pages
from cloud.web.domain import Domain

EXCHANGE = Domain(routers=(pages.router,), nav=pages.NAV)
