"""A second factor of operators: the secret that their app has too, and codes for when the app is lost."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "second_factors",
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name"), nullable=False),
        sa.Column("operator_id", ROW_ID, sa.ForeignKey("operators.id"), primary_key=True, autoincrement=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the secret that the app has too"),
        sa.Column(
            "confirmed_ms", sa.BigInteger(), nullable=True, comment="when it was first used; before, no code is asked"
        ),
        sa.Column("last_step", sa.BigInteger(), nullable=False, comment="of the last code: none counts twice"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name"), nullable=False),
        sa.Column("operator_id", ROW_ID, sa.ForeignKey("operators.id"), primary_key=True, autoincrement=False),
        sa.Column("code_hash", sa.LargeBinary(32), primary_key=True, comment="SHA-256"),
    )
