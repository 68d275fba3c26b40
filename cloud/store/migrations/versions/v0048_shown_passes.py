"""The moments of passes that telephones showed: the same at two points is one picture of a screen."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"

_SHOWN = "the moment that a telephone signed, UTC seconds"
_WHOSE = "of the telephone's key, or of the pass it carries"


def upgrade() -> None:
    op.create_table(
        "shown_passes",
        sa.Column("site", sa.String(), sa.ForeignKey("sites.name"), primary_key=True),
        sa.Column("shown_s", sa.BigInteger(), primary_key=True, comment=_SHOWN),
        sa.Column("digest", sa.LargeBinary(16), primary_key=True, comment=_WHOSE),
        sa.Column("point", sa.String(), primary_key=True, comment="where it was shown"),
        sa.Column("first_ms", sa.BigInteger(), nullable=False, comment="when first, by the clock of the device"),
        sa.Column("last_ms", sa.BigInteger(), nullable=False, comment="when for the last time"),
        sqlite_with_rowid=False,
    )
