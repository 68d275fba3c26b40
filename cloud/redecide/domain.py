"""What deciding again brings to the web."""

from cloud.redecide import pages
from cloud.web.domain import Domain

REDECIDE = Domain(routers=(pages.router,), nav=pages.NAV)
