"""PINs of cards, how hard cards are to copy, who overrides a lockdown, and what points ask for."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

COLUMNS: "dict[str, list[sa.Column[Any]]]" = {
    "sites": [
        sa.Column(
            "duress",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="staff may signal it with their PIN",
        )
    ],
    "points": [
        sa.Column(
            "pin",
            sa.String(),
            nullable=False,
            server_default="",
            comment="the hours in which it asks for one; empty: none",
        ),
        sa.Column("assurance", sa.String(), nullable=False, server_default="number", comment="the least that opens it"),
    ],
    "people": [
        sa.Column(
            "override",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="of staff: passes a lockdown",
        )
    ],
    "credentials": [
        sa.Column("pin", sa.LargeBinary(length=8), nullable=True, comment="verifier of its holder's PIN; none without"),
        sa.Column("pin_digits", sa.Integer(), nullable=True, comment="how many the PIN has"),
        sa.Column(
            "assurance",
            sa.Integer(),
            nullable=True,
            comment="how hard it is to copy; none as long as nobody has looked",
        ),
    ],
    "card_forms": [
        sa.Column(
            "pin", sa.LargeBinary(length=8), nullable=True, comment="verifier of the PIN, for the card in this form"
        )
    ],
}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    op.drop_index("ix_card_forms_credential_id", "card_forms")
    op.create_index("ix_card_forms_credential_id_site_pin", "card_forms", ["credential_id", "site", "pin"])
    op.create_index("ix_points_assurance", "points", ["assurance"])
