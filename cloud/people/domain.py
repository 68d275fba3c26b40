"""What people bring to the web."""

from cloud.people import api, pages
from cloud.web.domain import Domain

PEOPLE = Domain(routers=(pages.router, api.router), nav=pages.NAV, panels=pages.PANELS)
