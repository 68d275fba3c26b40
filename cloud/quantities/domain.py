"""What quantities bring to the web."""

from cloud.quantities.panels import PANELS
from cloud.web.domain import Domain

QUANTITIES = Domain(routers=(), panels=PANELS)
