"""What emergencies bring to the web."""

from cloud.emergencies import api, pages
from cloud.web.domain import Domain

EMERGENCIES = Domain(routers=(pages.router, api.router))
