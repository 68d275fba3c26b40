"""What the setup brings to the web: the settings page and its API."""

from cloud.setup import api, pages
from cloud.web.domain import Domain

SETUP = Domain(routers=(pages.router, api.router), nav=pages.NAV)
