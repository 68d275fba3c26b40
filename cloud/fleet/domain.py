"""What the fleet brings to the web."""

from cloud.fleet import api, pages
from cloud.web.auth import Right
from cloud.web.context import N_
from cloud.web.domain import Domain, Nav

FLEET = Domain(
    routers=(api.router, pages.router),
    refusals=api.NOT_DONE,
    nav=(
        Nav(80, "/rollouts", N_("Wiring"), seldom=True),
        Nav(110, "/adoptions", N_("Adopt"), seldom=True, right=Right.ADOPT),
    ),
)
