"""What channels bring to the web."""

from cloud.channels import pages
from cloud.web.domain import Domain

CHANNELS = Domain(routers=(pages.router,), nav=pages.NAV)
