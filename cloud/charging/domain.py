"""What charging brings to the web."""

from cloud.charging import api, hub_page, pages
from cloud.charging.panels import PANELS
from cloud.web.domain import Domain

CHARGING = Domain(routers=(pages.router, api.router, hub_page.router), nav=pages.NAV, panels=PANELS)
