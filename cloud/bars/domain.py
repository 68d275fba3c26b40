"""What bars bring to the web."""

from cloud.bars import api, pages
from cloud.web.domain import Domain

BARS = Domain(routers=(pages.router, api.router), nav=pages.NAV)
