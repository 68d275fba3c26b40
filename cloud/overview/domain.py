"""What the overview brings to the web."""

from cloud.overview import api, health, lists, live, metrics_api, place_form
from cloud.web.domain import Domain

OVERVIEW = Domain(
    routers=(health.router, metrics_api.router, api.router, live.router, lists.router, place_form.router),
    nav=(*live.NAV, *lists.NAV),
)
