"""What PINs bring to the web."""

from cloud.pins import api, pages
from cloud.web.domain import Domain

PINS = Domain(routers=(pages.router, api.router), panels=pages.PANELS)
