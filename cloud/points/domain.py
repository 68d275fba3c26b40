"""What points and zones bring to the web."""

from cloud.points import pages, place, zone_page
from cloud.web.context import N_
from cloud.web.domain import Domain, Nav

POINTS = Domain(
    routers=(pages.router, place.router, zone_page.router),
    nav=(Nav(20, "/doors", N_("Doors")), Nav(60, "/zones", N_("Zones"), seldom=True)),
)
