"""What the office brings to the web."""

from cloud.office import api, moving, moving_pages, pages, person_api, person_bars, person_pages
from cloud.web.domain import Domain

OFFICE = Domain(
    routers=(moving_pages.router, pages.router, person_bars.router, person_pages.router, api.router, person_api.router),
    nav=pages.NAV,
    panels=(*pages.PANELS, *person_bars.PANELS, *person_pages.PANELS),
    moving=moving.STEPS,
)
