"""What commands bring to the web."""

from cloud.commands import api, pages
from cloud.web.domain import Domain

COMMANDS = Domain(routers=(api.router, pages.router), refusals=api.NOT_ORDERED)
