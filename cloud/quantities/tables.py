"""The table of what was lent and used, one row for each device that has to do with a quantity in a period."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from cloud.store.schema import metadata

quantity_shares = Table(
    "quantity_shares",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("holder", LargeBinary(8), primary_key=True),
    Column("allotment", String, primary_key=True, comment="plan and class, with the term where it counts"),
    Column("unit", String, primary_key=True),
    Column("period", BigInteger, primary_key=True, autoincrement=False, comment="its number, see contract.quantities"),
    Column("device", String, primary_key=True),
    Column("number", BigInteger, nullable=False, comment="of the newest allowance"),
    Column("allowance", BigInteger, nullable=False, comment="in parts of the unit, like all amounts here"),
    Column("used", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("asked_ms", BigInteger, nullable=False, comment="when it last asked for more, 0 if it does not"),
    Column("keep", BigInteger, comment="of its allowance, while the rest is asked back"),
    Column("noted_ms", BigInteger, nullable=False, comment="when the cloud last heard of it"),
    sqlite_with_rowid=False,
)
