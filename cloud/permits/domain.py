"""What permits bring to the web."""

from cloud.permits import api, pages
from cloud.web.domain import Domain

PERMITS = Domain(routers=(pages.router, api.router), nav=pages.NAV)
