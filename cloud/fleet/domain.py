"""What the fleet brings to the web."""

from cloud.fleet import api, pages
from cloud.web.domain import Domain

FLEET = Domain(routers=(api.router, pages.router), refusals=api.NOT_DONE, nav=pages.NAV)
