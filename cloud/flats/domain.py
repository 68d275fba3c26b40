"""What flats bring to the web."""

from cloud.flats import api, pages
from cloud.web.domain import Domain

FLATS = Domain(routers=(pages.router, api.router), nav=pages.NAV)
