"""What points and zones bring to the web."""

from cloud.points import pages, place, zone_page
from cloud.web.domain import Domain

POINTS = Domain(
    routers=(pages.router, place.router, zone_page.router),
    nav=(*pages.NAV, *zone_page.NAV),
)
