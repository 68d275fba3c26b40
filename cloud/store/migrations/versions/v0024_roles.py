"""What an operator's role is for, when they last logged in, and who looked at whose movements."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column(
        "operators",
        sa.Column(
            "of", sa.String(), server_default="", nullable=False, comment="the zone, cell or party that the role is for"
        ),
    )
    op.add_column("operators", sa.Column("last_login_ms", sa.BigInteger(), nullable=True))
    op.create_table(
        "looks",
        sa.Column("id", RowId, nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("login", sa.LargeBinary(32), nullable=False, comment="id_hash of logins, which may have ended"),
        sa.Column("person_id", RowId, nullable=False, comment="of people; stays when the person is removed"),
        sa.Column("purpose", sa.String(), nullable=False, comment="a word of the list, or the number of a case"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_looks_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_looks")),
    )
    op.create_index("ix_looks_site_person_id", "looks", ["site", "person_id"])
    op.create_index("ix_looks_login", "looks", ["login"])
    op.create_index("ix_events_holder", "events", ["holder"], sqlite_where=sa.text("holder IS NOT NULL"))
