"""What the last month under a change brings to the web."""

from cloud.replay import pages
from cloud.web.domain import Domain

REPLAY = Domain(routers=(pages.router,))
