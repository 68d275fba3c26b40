"""Tables of what people may: their plans, in which hours, what they are, and their cards; and of the rosters that tell
devices."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from cloud.people.plans import Plan
from cloud.store.schema import Document, RowId, metadata
from cloud.store.tables import permits

plans = Table(
    "plans",
    metadata,
    Column("name", String, primary_key=True),
    Column("document", Document(Plan), nullable=False, server_default="{}", comment="the whole plan"),
)

profiles = Table(
    "profiles",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="its place in the site page, for good"),
    Column("plan", String, nullable=False, comment="which may be gone"),
    Column("place", String, nullable=False, comment="a place of residents, empty for the zones that the plan opens"),
    Column("slow", Boolean, nullable=False, comment="of people who are given more time to pass"),
    UniqueConstraint("site", "place", "plan", "slow"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("person_id", RowId, ForeignKey("people.id"), comment="none: everybody of the party"),
    Column("party_id", RowId, ForeignKey("parties.id"), comment="none: the person alone"),
    Column("plan", String, ForeignKey("plans.name"), nullable=False),
    Column("payer", Boolean, nullable=False, default=False),
    Column("from_ms", BigInteger, nullable=False, default=0, comment="0 for no bound"),
    Column("until_ms", BigInteger, nullable=False, default=0, comment="half-open; 0 for no bound"),
    Column("standing", String, nullable=False),
    Column("ended_ms", BigInteger, comment="an operator ended it then, whatever was agreed"),
    Column("suspended_with", RowId, comment="the payer's membership that it was suspended with, and comes back with"),
    CheckConstraint("person_id IS NOT NULL OR party_id IS NOT NULL", name="ck_memberships_holder"),
    Index("ix_memberships_person_id", "person_id"),
    Index("ix_memberships_party_id", "party_id"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("person_id", RowId, ForeignKey("people.id"), comment="none: a family card, or nobody's"),
    Column("party_id", RowId, ForeignKey("parties.id"), comment="whose family card it is"),
    Column("permit_id", RowId, ForeignKey(permits.c.id), comment="a visitor's, of this permit"),
    Column("kind", String, nullable=False, comment="card, tag, token, plate, code or phone"),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False, comment="format and number under the store key; empty if not known"),
    Column("label", String, nullable=False),
    Column("standing", String, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False, server_default="issued", comment="stock, issued, returned or void"),
    Column("batch", String, nullable=False, server_default="", comment="it came into stock with"),
    Column("deposit_fen", BigInteger, nullable=False, server_default="0"),
    Column("issued_ms", BigInteger, comment="since when who has it has it"),
    Column("pin", LargeBinary(8), comment="verifier of its holder's PIN; none without"),
    Column("pin_digits", Integer, comment="how many the PIN has"),
    Column("assurance", Integer, comment="how hard it is to copy; none as long as nobody has looked"),
    Column("key", LargeBinary(33), comment="of a telephone: the public half of its key, compressed"),
    Index("ix_credentials_person_id", "person_id"),
    Index("ix_credentials_party_id", "party_id"),
    Index("ix_credentials_permit_id", "permit_id"),
    Index("ix_credentials_state_batch", "state", "batch"),
)

card_forms = Table(
    "card_forms",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("digest", LargeBinary(16), primary_key=True, comment="of another form in which readers report the card"),
    Column("credential_id", RowId, ForeignKey("credentials.id", ondelete="CASCADE"), nullable=False),
    Column("pin", LargeBinary(8), comment="verifier of the PIN, for the card in this form"),
    # The compiler reads nothing else of a form: it finds all of it here.
    Index("ix_card_forms_credential_id_site_pin", "credential_id", "site", "pin"),
    sqlite_with_rowid=False,
)

pass_keys = Table(
    "pass_keys",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("key", LargeBinary(33), primary_key=True, comment="public half, by which doors believe carried passes"),
    Column("since_ms", BigInteger, nullable=False, comment="the cloud signs with it since then"),
)

carried_passes = Table(
    "carried_passes",
    metadata,
    Column("permit_id", RowId, ForeignKey("permits.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("until_ms", BigInteger, nullable=False, comment="until then doors believe it"),
    Column("withdrawn", Boolean, nullable=False, comment="its permit was ended before"),
    Index("ix_carried_passes_site_until_ms", "site", "until_ms"),
)
"""Passes of permits that the cloud has signed for a telephone, while doors believe them."""

person_tags = Table(
    "person_tags",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("person_id", RowId, ForeignKey("people.id"), primary_key=True, autoincrement=False),
    Column("tag", String, primary_key=True, comment="of a closed list"),
    Column("from_ms", BigInteger, primary_key=True, autoincrement=False, comment="0 for no bound"),
    Column("until_ms", BigInteger, nullable=False, comment="half-open; 0 for no bound"),
)

guardians = Table(
    "guardians",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("child_id", RowId, ForeignKey("people.id"), primary_key=True, autoincrement=False),
    Column("guardian_id", RowId, ForeignKey("people.id"), primary_key=True, autoincrement=False),
    Index("ix_guardians_guardian_id", "guardian_id"),
)

qualifications = Table(
    "qualifications",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("person_id", RowId, ForeignKey("people.id"), primary_key=True, autoincrement=False),
    Column("name", String, primary_key=True),
    Column("until_ms", BigInteger, nullable=False, comment="half-open; 0 for no bound"),
)

compiled_rows = Table(
    "compiled_rows",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("person_id", RowId, primary_key=True, autoincrement=False),
    Column("rows", LargeBinary, nullable=False, comment="of the newest roster, as pages hold them"),
    Column("edge_ms", BigInteger, comment="when time alone changes them next"),
    Column("left_out", Integer, nullable=False, comment="windows that are too many for them"),
    Index("ix_compiled_rows_site_edge_ms", "site", "edge_ms"),
    Index("ix_compiled_rows_site_left_out", "site", "left_out", sqlite_where=text("left_out > 0")),
    sqlite_with_rowid=False,
)

rosters = Table(
    "rosters",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("site_pages", JSON, nullable=False, server_default="{}", comment="their hashes in hex, by version"),
    Column("root", LargeBinary, nullable=False, comment="names its index pages, and is written as one of them"),
    Column("count", Integer, nullable=False, comment="rows in all pages"),
    Column("revision", BigInteger, comment="newest of the site's that it is known to hold"),
    Column(
        "needed_ms",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="when the next one took its place, or an event that names it arrived later",
    ),
)

roster_pages = Table(
    "roster_pages",
    metadata,
    Column("hash", LargeBinary(16), primary_key=True),
    Column("blob", LargeBinary, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("came", BigInteger, nullable=False, server_default="0", comment="no roster before this one has it"),
    Column("gone", BigInteger, comment="the first roster without it; none while the newest has it"),
    Column("old_hash", LargeBinary(16), comment="of the page of version 1 with the same rows, if one was asked for"),
    Column("old_count", Integer, comment="rows of that page"),
    Column("plain_hash", LargeBinary(16), comment="of the same page for software that reads rows of version 2 only"),
    Column("plain_count", Integer, comment="rows of that page"),
    Column("marked_hash", LargeBinary(16), comment="of the same page for software that reads rows of version 3 only"),
    Column("marked_count", Integer, comment="rows of that page"),
    Index("ix_roster_pages_came", "came", "gone"),
    Index("ix_roster_pages_old_hash", "old_hash"),
    Index("ix_roster_pages_plain_hash", "plain_hash"),
    Index("ix_roster_pages_marked_hash", "marked_hash"),
)
