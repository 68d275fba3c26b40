"""What retention brings: its table of the setup file."""

from cloud.retention.setup_tables import TABLES
from cloud.web.domain import Domain

RETENTION = Domain(routers=(), setup=TABLES)
