"""Records of one person: the one that went names the one that was kept, with which its events are found."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    comment = "the record of the same person that was kept"
    op.add_column("people", sa.Column("merged_into", sa.Integer(), comment=comment))
    op.create_index("ix_people_merged_into", "people", ["merged_into"])
