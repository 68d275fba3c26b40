"""What cases bring to the web."""

from cloud.cases import api, pages, panels
from cloud.web.domain import Domain

CASES = Domain(routers=(pages.router, api.router), nav=pages.NAV, panels=panels.PANELS, live=(panels.LIVE,))
