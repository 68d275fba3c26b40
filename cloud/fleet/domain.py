"""What the fleet brings to the web."""

from cloud.fleet import api, pages
from cloud.web.domain import Domain, Panel

FLEET = Domain(
    routers=(api.router, pages.router),
    refusals=api.NOT_DONE,
    nav=pages.NAV,
    panels=(Panel("device", 45, "_wiring_links.html"),),
)
