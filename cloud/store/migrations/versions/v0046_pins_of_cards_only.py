"""No PIN stands beside a credential that none goes with: older versions set one for a person's codes as well."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"

credentials = sa.table("credentials", *map(sa.column, ("id", "kind", "pin", "pin_digits")))
card_forms = sa.table("card_forms", *map(sa.column, ("credential_id", "pin")))


def upgrade() -> None:
    without = credentials.c.kind.not_in(("card", "tag"))
    with_pin = credentials.c.pin.is_not(None) | credentials.c.pin_digits.is_not(None)
    their_forms = card_forms.c.credential_id.in_(sa.select(credentials.c.id).where(without))
    op.execute(sa.update(card_forms).where(their_forms, card_forms.c.pin.is_not(None)).values(pin=None))
    op.execute(sa.update(credentials).where(without, with_pin).values(pin=None, pin_digits=None))
