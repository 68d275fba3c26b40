"""How far visits were erased, and the time by which records are old."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "visit_anchors",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("journal_id", row_id, autoincrement=False, nullable=False),
        sa.Column(
            "upto", sa.BigInteger(), nullable=False, comment="up to this row visits were erased where they are due"
        ),
        sa.Column("link", sa.LargeBinary(length=32), nullable=True, comment="of that row; none where it is not known"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_visit_anchors_site")),
        sa.PrimaryKeyConstraint("site", "journal_id", name=op.f("pk_visit_anchors")),
    )
    op.create_table(
        "retention_progress",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("believed_ms", sa.BigInteger(), nullable=False, comment="the time by which records are old"),
        sa.Column("erased_upto", sa.BigInteger(), nullable=False, comment="arrival up to which visits were erased"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_retention_progress_site")),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_retention_progress")),
    )
