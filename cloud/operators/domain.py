"""What operators and their looks at movements bring to the web."""

from cloud.operators import api, look_pages, pages, silent_pages
from cloud.web.domain import Domain

OPERATORS = Domain(
    routers=(pages.router, look_pages.router, silent_pages.router, api.router),
    nav=(*pages.NAV, *silent_pages.NAV),
    panels=look_pages.PANELS,
)
