"""Devices that are lost, and how the next one in their place is to be wired."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "devices", sa.Column("lost_ms", sa.BigInteger(), comment="reported lost then: its key counts no longer")
    )
    op.add_column(
        "devices",
        sa.Column(
            "wiring", sa.String(), comment="its configuration file as it was adopted, for the Pi that replaces it"
        ),
    )
