"""Cards that nobody has, family cards, further forms of a card, enrolments at readers, and when cards were used.

SQLite makes no column optional: the table of cards is made anew. Every card of before is somebody's.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PROFILE = "site", "number", "plan", "place"
BEFORE = "id", "person_id", "kind", "digest", "sealed", "label", "standing", "added_ms"


def upgrade() -> None:
    op.add_column(
        "parties",
        sa.Column(
            "holder",
            sa.LargeBinary(length=8),
            nullable=True,
            comment="random; all that devices know of whoever has its family card",
        ),
    )
    op.create_index("ix_parties_holder", "parties", ["holder"], unique=True)
    _make_profiles()
    _make_credentials()
    op.create_table(
        "card_forms",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column(
            "digest",
            sa.LargeBinary(length=16),
            nullable=False,
            comment="of another form in which readers report the card",
        ),
        sa.Column("credential_id", ROW_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credentials.id"],
            name=op.f("fk_card_forms_credential_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_card_forms_site")),
        sa.PrimaryKeyConstraint("site", "digest", name=op.f("pk_card_forms")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_card_forms_credential_id", "card_forms", ["credential_id"])
    _make_enrolments()
    op.create_table(
        "card_uses",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column(
            "day_ms",
            sa.BigInteger(),
            nullable=False,
            comment="beginning of the UTC day on which it last opened something",
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_card_uses_site")),
        sa.PrimaryKeyConstraint("site", "digest", name=op.f("pk_card_uses")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "card_use_marks",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("arrival", sa.BigInteger(), nullable=False, comment="events up to this one are counted"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_card_use_marks_site")),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_card_use_marks")),
    )


def _make_profiles() -> None:
    """SQLite changes no constraint either."""
    op.rename_table("profiles", "profiles_before")
    op.create_table(
        "profiles",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column(
            "number",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="its place in the site page, for good",
        ),
        sa.Column("plan", sa.String(), nullable=False, comment="which may be gone"),
        sa.Column(
            "place",
            sa.String(),
            nullable=False,
            comment="a place of residents, empty for the zones that the plan opens",
        ),
        sa.Column("slow", sa.Boolean(), nullable=False, comment="of people who are given more time to pass"),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_profiles_site")),
        sa.PrimaryKeyConstraint("site", "number", name=op.f("pk_profiles")),
        sa.UniqueConstraint("site", "place", "plan", "slow", name=op.f("uq_profiles_site_place_plan_slow")),
    )
    after = sa.table("profiles", *(sa.column(name) for name in (*PROFILE, "slow")))
    before = sa.table("profiles_before", *(sa.column(name) for name in PROFILE))
    kept = sa.select(*(before.c[name] for name in PROFILE), sa.false())
    op.execute(sa.insert(after).from_select([*PROFILE, "slow"], kept))
    op.drop_table("profiles_before")


def _make_credentials() -> None:
    op.rename_table("credentials", "credentials_before")
    op.drop_index("ix_credentials_person_id", "credentials_before")
    op.create_table(
        "credentials",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("person_id", ROW_ID, nullable=True, comment="none: a family card, or nobody's"),
        sa.Column("party_id", ROW_ID, nullable=True, comment="whose family card it is"),
        sa.Column("kind", sa.String(), nullable=False, comment="card, tag, token, plate or code"),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column(
            "sealed",
            sa.LargeBinary(),
            nullable=False,
            comment="format and number under the store key; empty if not known",
        ),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.String(),
            nullable=False,
            server_default="issued",
            comment="stock, issued, returned or void",
        ),
        sa.Column("batch", sa.String(), nullable=False, server_default="", comment="it came into stock with"),
        sa.Column("deposit_fen", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("issued_ms", sa.BigInteger(), nullable=True, comment="since when who has it has it"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_credentials_person_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_credentials_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
        sa.UniqueConstraint("digest", name=op.f("uq_credentials_digest")),
    )
    after = sa.table("credentials", *(sa.column(name) for name in (*BEFORE, "issued_ms")))
    before = sa.table("credentials_before", *(sa.column(name) for name in BEFORE))
    kept = sa.select(*(before.c[name] for name in BEFORE), before.c.added_ms)
    op.execute(sa.insert(after).from_select([*BEFORE, "issued_ms"], kept))
    op.drop_table("credentials_before")
    op.create_index("ix_credentials_person_id", "credentials", ["person_id"])
    op.create_index("ix_credentials_party_id", "credentials", ["party_id"])
    op.create_index("ix_credentials_state_batch", "credentials", ["state", "batch"])


def _make_enrolments() -> None:
    op.create_table(
        "enrolments",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("command", sa.String(length=32), nullable=False, comment="that opened it at the device"),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False, comment="the direction of the point's reader"),
        sa.Column("by", sa.String(), nullable=False, comment="the operator's name"),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="no answer counts after that"),
        sa.Column("person_id", ROW_ID, nullable=True, comment="who gets the card; none: a party, or the stock"),
        sa.Column("party_id", ROW_ID, nullable=True, comment="whose family card it becomes"),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column(
            "step",
            sa.String(),
            nullable=False,
            comment="how far it is, as its device says: empty, open, first_read, read",
        ),
        sa.Column("state", sa.String(), nullable=False, comment="waiting, enrolled, undone or ended"),
        sa.Column("why", sa.String(), nullable=False, comment="a word for why there is no card"),
        sa.Column("credential_id", ROW_ID, nullable=True, comment="the card, or the one that somebody has already"),
        sa.Column("forms_left_out", sa.BigInteger(), nullable=False, comment="forms that another card has"),
        sa.Column("loop", sa.String(), nullable=False, comment="of the desk loop that it is a part of; empty for none"),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_enrolments_party_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_enrolments_person_id")),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_enrolments_site")),
        sa.PrimaryKeyConstraint("site", "command", name=op.f("pk_enrolments")),
    )
    op.create_index("ix_enrolments_site_state", "enrolments", ["site", "state"])
    op.create_index("ix_enrolments_site_loop", "enrolments", ["site", "loop"])
    op.create_table(
        "desk_loops",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(), nullable=False, comment="the operator's name"),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("building", sa.String(), nullable=False, comment="only people of it; empty for all"),
        sa.Column("unit", sa.String(), nullable=False, comment="only people of this unit; empty for all"),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("after", ROW_ID, nullable=False, comment="people up to this one had their turn"),
        sa.Column("begun_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_desk_loops_site")),
        sa.PrimaryKeyConstraint("site", "id", name=op.f("pk_desk_loops")),
    )
