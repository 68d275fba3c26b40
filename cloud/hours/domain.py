"""What hours and the calendar bring to the web."""

from cloud.hours import api, calendar_page, pages
from cloud.web.domain import Domain

HOURS_AND_CALENDAR = Domain(
    routers=(pages.router, calendar_page.router, api.router), nav=(*pages.NAV, *calendar_page.NAV)
)
