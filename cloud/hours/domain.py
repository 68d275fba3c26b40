"""What hours and the calendar bring to the web."""

from collections.abc import Mapping

from cloud.devices.registry import site_of
from cloud.hours import api, calendar_page, pages
from cloud.hours.views import missing_year
from cloud.web.domain import Domain, Panel, Visit


def _missing_year(visit: Visit, _overview: object) -> Mapping[str, int] | None:
    """A line of the first page, as long as it is true."""
    year = missing_year(visit.connection, site_of(visit.connection), visit.now_ms)
    return None if year is None else {"missing": year}


HOURS_AND_CALENDAR = Domain(
    routers=(pages.router, calendar_page.router, api.router),
    nav=(*pages.NAV, *calendar_page.NAV),
    panels=(Panel("overview", 5, "_missing_year.html", _missing_year),),
)
