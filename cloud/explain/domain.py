"""What explanations bring to the web."""

from cloud.explain import api, pages
from cloud.web.domain import Domain

EXPLAIN = Domain(routers=(pages.router, api.router), panels=pages.PANELS)
