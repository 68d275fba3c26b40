"""What points and zones bring to the web."""

from cloud.points import api, demand_form, pages, panels, place_form, zone_page
from cloud.web.domain import Domain

POINTS = Domain(
    routers=(pages.router, api.router, place_form.router, demand_form.router, zone_page.router),
    nav=(*pages.NAV, *zone_page.NAV),
    panels=(*panels.PANELS, *place_form.PANELS, *demand_form.PANELS),
    live=panels.LIVE,
)
