"""What links for guests bring to the web."""

from cloud.guests import pages
from cloud.web.domain import Domain

GUESTS = Domain(routers=(pages.router,))
