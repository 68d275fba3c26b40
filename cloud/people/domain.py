"""What people bring to the web. Their calls are still among those of the overview."""

from cloud.people import pages
from cloud.web.context import N_
from cloud.web.domain import Domain, Nav

PEOPLE = Domain(routers=(pages.router,), nav=(Nav(50, "/people", N_("People")),))
