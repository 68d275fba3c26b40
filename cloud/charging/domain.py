"""What charging brings to the web."""

from cloud.charging import api, hub_page, pages
from cloud.web.context import N_
from cloud.web.domain import Domain, Nav

CHARGING = Domain(
    routers=(pages.router, api.router, hub_page.router),
    nav=(Nav(30, "/charging", N_("Charging")),),
    panels=(pages.PERSON_PANEL,),
)
