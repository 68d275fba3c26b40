"""What special days are called, in both languages."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    for name in ("label_zh", "label_en"):
        op.add_column("special_days", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.execute("UPDATE special_days SET label_zh = label, label_en = label")
    op.drop_column("special_days", "label")
