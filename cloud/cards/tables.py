"""Tables of enrolments at readers, and of when cards were used last."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table

from cloud.store.schema import RowId, metadata

enrolments = Table(
    "enrolments",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("command", String(32), primary_key=True, comment="that opened it at the device"),
    Column("point", String, nullable=False),
    Column("device", String, nullable=False),
    Column("reader", String, nullable=False, comment="the direction of the point's reader"),
    Column("by", String, nullable=False, comment="the operator's name"),
    Column("asked_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False, comment="no answer counts after that"),
    Column("person_id", RowId, ForeignKey("people.id"), comment="who gets the card; none: a party, or the stock"),
    Column("party_id", RowId, ForeignKey("parties.id"), comment="whose family card it becomes"),
    Column("label", String, nullable=False),
    Column("batch", String, nullable=False),
    Column("step", String, nullable=False, comment="how far it is, as its device says: empty, open, first_read, read"),
    Column("state", String, nullable=False, comment="waiting, enrolled, undone or ended"),
    Column("why", String, nullable=False, comment="a word for why there is no card"),
    Column("credential_id", RowId, comment="the card, or the one that somebody has already"),
    Column("forms_left_out", BigInteger, nullable=False, comment="forms that another card has"),
    Column("loop", String, nullable=False, comment="of the desk loop that it is a part of; empty for none"),
    Index("ix_enrolments_site_state", "site", "state"),
    Index("ix_enrolments_site_loop", "site", "loop"),
)

desk_loops = Table(
    "desk_loops",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("id", String(16), primary_key=True),
    Column("by", String, nullable=False, comment="the operator's name"),
    Column("point", String, nullable=False),
    Column("reader", String, nullable=False),
    Column("building", String, nullable=False, comment="only people of it; empty for all"),
    Column("unit", String, nullable=False, comment="only people of this unit; empty for all"),
    Column("batch", String, nullable=False),
    Column("after", RowId, nullable=False, comment="people up to this one had their turn"),
    Column("begun_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
)

card_uses = Table(
    "card_uses",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("digest", LargeBinary(16), primary_key=True),
    Column("day_ms", BigInteger, nullable=False, comment="beginning of the UTC day on which it last opened something"),
    sqlite_with_rowid=False,
)

card_use_marks = Table(
    "card_use_marks",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("arrival", BigInteger, nullable=False, comment="events up to this one are counted"),
)
