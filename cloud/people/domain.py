"""What people bring to the web."""

from cloud.people import api, pages
from cloud.web.context import N_
from cloud.web.domain import Domain, Nav

PEOPLE = Domain(routers=(pages.router, api.router), nav=(Nav(50, "/people", N_("People")),))
