"""What the overview brings to the web."""

from cloud.overview import api, device_pages, lists, monitoring, overview
from cloud.web.domain import Domain

OVERVIEW = Domain(
    routers=(monitoring.router, api.router, overview.router, device_pages.router, lists.router),
    nav=(*overview.NAV, *lists.NAV),
    panels=(*overview.PANELS, *device_pages.PANELS),
    live=(overview.LIVE, device_pages.LIVE),
    refusals=api.NOT_GRANTED,
)
