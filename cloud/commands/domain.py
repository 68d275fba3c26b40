"""What commands bring to the web."""

from cloud.commands import api
from cloud.web.domain import Domain

COMMANDS = Domain(routers=(api.router,), refusals=api.NOT_ORDERED)
