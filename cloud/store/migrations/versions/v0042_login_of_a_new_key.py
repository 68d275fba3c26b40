"""A telephone that gets a new key gets a new login; the one before counts until the new one is used."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"

PREVIOUS = "of the login before, until this one is used"


def upgrade() -> None:
    with op.batch_alter_table("resident_phones") as phones:
        phones.add_column(sa.Column("previous_hash", sa.LargeBinary(length=32), comment=PREVIOUS))
        phones.create_unique_constraint(op.f("uq_resident_phones_previous_hash"), ["previous_hash"])
