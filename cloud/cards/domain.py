"""What cards bring to the web."""

from cloud.cards import api, enrol_pages, pages
from cloud.web.domain import Domain

CARDS = Domain(
    routers=(enrol_pages.router, pages.router, api.router),
    nav=pages.NAV,
    panels=(*pages.PANELS, *enrol_pages.PANELS),
    live=enrol_pages.LIVE,
)
