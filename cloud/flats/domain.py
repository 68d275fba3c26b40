"""What flats bring to the web, and to the setup file."""

from cloud.flats import api, pages
from cloud.flats.setup_tables import TABLES
from cloud.web.domain import Domain

FLATS = Domain(routers=(pages.router, api.router), nav=pages.NAV, setup=TABLES)
