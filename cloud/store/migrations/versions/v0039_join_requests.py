"""Riders who asked at the gate to be let in."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "join_requests",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("hub", sa.String(), nullable=False, comment="whose poster was scanned"),
        sa.Column("name", sa.String(), nullable=False, comment="as they wrote it"),
        sa.Column("phone", sa.LargeBinary(length=16), nullable=False, comment="its hash under the key of digests"),
        sa.Column("ending", sa.String(), nullable=False, comment="the last digits of the number, for the guard"),
        sa.Column(
            "secret_hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of what their page is called"
        ),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.String(), server_default="", nullable=False, comment="let_in or refused; empty before"),
        sa.Column("answered_by", sa.String(), server_default="", nullable=False),
        sa.Column("answered_ms", sa.BigInteger(), nullable=True),
        sa.Column("permit_id", ROW_ID, nullable=True, comment="what they were let in with"),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["permits.id"], name=op.f("fk_join_requests_permit_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_join_requests_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_requests")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_join_requests_secret_hash")),
    )
    op.create_index("ix_join_requests_site_asked_ms", "join_requests", ["site", "asked_ms"])
    op.create_index("ix_join_requests_phone", "join_requests", ["phone"])
