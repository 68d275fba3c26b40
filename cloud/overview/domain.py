"""What the overview brings to the web."""

from cloud.overview import api, health, lists, live, metrics_api, place_form
from cloud.web.context import N_
from cloud.web.domain import Domain, Nav

OVERVIEW = Domain(
    routers=(health.router, metrics_api.router, api.router, live.router, lists.router, place_form.router),
    nav=(
        Nav(10, "/", N_("Overview")),
        Nav(40, "/events", N_("Events")),
        Nav(70, "/rosters", N_("Rosters"), seldom=True),
        Nav(90, "/quarantine", N_("Quarantine"), seldom=True),
        Nav(100, "/audit", N_("Audit"), seldom=True),
    ),
)
