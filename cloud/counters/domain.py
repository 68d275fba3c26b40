"""What counted zones bring to the web."""

from cloud.counters import api, pages
from cloud.counters.panels import PANELS
from cloud.counters.service import NotCounted
from cloud.web.domain import Domain

COUNTERS = Domain(routers=(pages.router, api.router), nav=pages.NAV, panels=PANELS, refusals={NotCounted: 404})
