"""What exports to authorities bring to the web."""

from cloud.authority import api, pages
from cloud.web.domain import Domain

AUTHORITY = Domain(routers=(pages.router, api.router), nav=pages.NAV, panels=pages.PANELS)
