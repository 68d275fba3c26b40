"""What accounts bring to the web."""

from cloud.accounts import api, pages
from cloud.web.domain import Domain

ACCOUNTS = Domain(routers=(pages.router, api.router))
