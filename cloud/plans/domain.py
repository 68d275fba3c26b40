"""What plans bring to the web."""

from cloud.plans import pages
from cloud.web.domain import Domain

PLANS = Domain(routers=(pages.router,), nav=pages.NAV)
