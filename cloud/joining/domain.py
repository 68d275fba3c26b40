"""What riders at the gate bring to the web."""

from cloud.joining import pages, panels
from cloud.web.domain import Domain

JOINING = Domain(routers=(pages.router,), nav=pages.NAV, panels=panels.PANELS)
