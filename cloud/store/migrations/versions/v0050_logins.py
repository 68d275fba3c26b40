"""Where a login is from, and when it was used last: so that its owner knows it among others."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"

_ADDED = (
    ("seen_ms", sa.BigInteger, "0", "last request, to some minutes"),
    ("address", sa.String, "", "of the browser when it logged in"),
    ("browser", sa.String, "", "such as Firefox, Windows"),
)


def upgrade() -> None:
    for name, kind, default, comment in _ADDED:
        op.add_column("logins", sa.Column(name, kind(), nullable=False, server_default=default, comment=comment))
