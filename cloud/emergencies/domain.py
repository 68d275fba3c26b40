"""What emergencies bring to the web."""

from cloud.emergencies import api, pages
from cloud.emergencies.panels import PANELS
from cloud.emergencies.service import NoSuchZone
from cloud.web.domain import Domain

EMERGENCIES = Domain(routers=(pages.router, api.router), panels=PANELS, refusals={NoSuchZone: 404})
