"""What the gatehouse brings to the web."""

from cloud.gatehouse import pages, panels
from cloud.web.domain import Domain

GATEHOUSE = Domain(routers=(pages.router,), nav=pages.NAV, panels=panels.PANELS, live=(panels.LIVE,))
