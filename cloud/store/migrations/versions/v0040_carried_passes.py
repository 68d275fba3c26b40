"""Passes that the cloud signs for the telephones of riders and guests."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"

BELIEVED_BY = "public half, by which doors believe carried passes"
OF_THE_PHONE = {
    "key": "public half of the telephone's key, 33 bytes; empty before there was one",
    "held_key": "sealed private half, held for a telephone that keeps none",
    "carried": "pass that was signed for it; empty before, and where it leads to no door",
}
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pass_keys",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("key", sa.LargeBinary(length=33), nullable=False, comment=BELIEVED_BY),
        sa.Column("since_ms", sa.BigInteger(), nullable=False, comment="the cloud signs with it since then"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_pass_keys_site")),
        sa.PrimaryKeyConstraint("site", "key", name=op.f("pk_pass_keys")),
    )
    op.create_table(
        "carried_passes",
        sa.Column("permit_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="until then doors believe it"),
        sa.Column("withdrawn", sa.Boolean(), nullable=False, comment="its permit was ended before"),
        sa.ForeignKeyConstraint(
            ["permit_id"], ["permits.id"], name=op.f("fk_carried_passes_permit_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_carried_passes_site")),
        sa.PrimaryKeyConstraint("permit_id", name=op.f("pk_carried_passes")),
    )
    op.create_index("ix_carried_passes_site_until_ms", "carried_passes", ["site", "until_ms"])
    with op.batch_alter_table("join_requests") as requests:
        for name, comment in OF_THE_PHONE.items():
            requests.add_column(sa.Column(name, sa.LargeBinary(), nullable=False, server_default="", comment=comment))
        requests.create_index("ix_join_requests_key", ["key"])
