"""What the cloud found when it decided again."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "redecide_marks",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False, comment="all events up to this one were decided again"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_redecide_marks_site")),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_redecide_marks")),
    )
    op.create_table(
        "redecide_counts",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False, comment="why there is no verdict, empty where there is one"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_redecide_counts_site")),
        sa.PrimaryKeyConstraint("site", "verdict", "why", name=op.f("pk_redecide_counts")),
    )
    op.create_table(
        "redecide_differences",
        sa.Column("arrival", sa.BigInteger(), autoincrement=False, nullable=False, comment="of the event"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False, comment="by the device's clock"),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.String(), nullable=False, comment="the device's reason"),
        sa.Column("ours", sa.String(), nullable=False, comment="the reason of the same rule with the same facts here"),
        sa.Column("roster", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_redecide_differences_site")),
        sa.PrimaryKeyConstraint("arrival", name=op.f("pk_redecide_differences")),
    )
