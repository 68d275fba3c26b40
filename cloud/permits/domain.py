"""What permits bring to the web."""

from cloud.permits import api, moving, pages, panels
from cloud.web.domain import Domain

PERMITS = Domain(routers=(pages.router, api.router), nav=pages.NAV, panels=panels.PANELS, moving=moving.STEPS)
