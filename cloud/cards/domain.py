"""What cards bring to the web."""

from cloud.cards import api, enrol_pages, pages, person_choice
from cloud.web.domain import Domain

CARDS = Domain(
    routers=(enrol_pages.router, pages.router, person_choice.router, api.router),
    nav=pages.NAV,
    panels=(*pages.PANELS, *enrol_pages.PANELS),
    live=enrol_pages.LIVE,
)
