"""Who overstayed is a case; and whoever leaves by a gate that reads nobody is taken for gone."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"

COMMENT = "nobody saw them leave"


def upgrade() -> None:
    op.drop_table("permit_notices")
    op.add_column(
        "permits",
        sa.Column("left_assumed", sa.Boolean(), nullable=False, server_default=sa.false(), comment=COMMENT),
    )
