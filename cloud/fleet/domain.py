"""What the fleet brings to the web."""

from cloud.fleet import adoption_api, adoption_pages, rollout_api, wiring_pages
from cloud.web.auth import Right
from cloud.web.context import N_
from cloud.web.domain import Domain, Nav

FLEET = Domain(
    routers=(adoption_api.router, adoption_pages.router, rollout_api.router, wiring_pages.router),
    nav=(
        Nav(80, "/rollouts", N_("Wiring"), seldom=True),
        Nav(110, "/adoptions", N_("Adopt"), seldom=True, right=Right.ADOPT),
    ),
)
