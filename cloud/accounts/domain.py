"""What accounts bring to the web."""

from cloud.accounts import api, pages
from cloud.web.domain import Domain
from cloud.web.names import UnclearName

ACCOUNTS = Domain(routers=(pages.router, api.router), refusals={UnclearName: 422})
