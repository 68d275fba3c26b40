"""Links that inviters send to their guests."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OF_THE_PHONE = {
    "page_hash": "SHA-256 of what its cookie holds",
    "key": "public half of its key, 33 bytes",
    "held_key": "sealed private half, held for a telephone that keeps none",
    "carried": "pass that was signed last",
}


def upgrade() -> None:
    op.create_table(
        "guest_links",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("permit_id", ROW_ID, nullable=False),
        sa.Column(
            "secret_hash", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of what stands in the link"
        ),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=True, comment="by a telephone, once"),
        *(
            sa.Column(name, sa.LargeBinary(), nullable=False, server_default="", comment=comment)
            for name, comment in OF_THE_PHONE.items()
        ),
        sa.Column(
            "carried_until_ms",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="doors believe it until then",
        ),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["permits.id"], name=op.f("fk_guest_links_permit_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_guest_links_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guest_links")),
        sa.UniqueConstraint("permit_id", name=op.f("uq_guest_links_permit_id")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_guest_links_secret_hash")),
    )
