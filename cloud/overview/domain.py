"""What the overview brings to the web."""

from cloud.overview import api, device_pages, health, lists, metrics_api, overview
from cloud.web.domain import Domain

OVERVIEW = Domain(
    routers=(health.router, metrics_api.router, api.router, overview.router, device_pages.router, lists.router),
    nav=(*overview.NAV, *lists.NAV),
    panels=(*overview.PANELS, *device_pages.PANELS),
    live=(overview.LIVE, device_pages.LIVE),
)
