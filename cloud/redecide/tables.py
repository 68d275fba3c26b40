"""Tables of what the cloud found when it decided again."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table

from cloud.store.schema import metadata

redecide_marks = Table(
    "redecide_marks",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("arrival", BigInteger, nullable=False, comment="all events up to this one were decided again"),
)

redecide_counts = Table(
    "redecide_counts",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("verdict", String, primary_key=True),
    Column("why", String, primary_key=True, comment="why there is no verdict, empty where there is one"),
    Column("count", BigInteger, nullable=False),
)

redecide_differences = Table(
    "redecide_differences",
    metadata,
    Column("arrival", BigInteger, primary_key=True, autoincrement=False, comment="of the event"),
    Column("site", String, ForeignKey("sites.name"), nullable=False),
    Column("device", String, nullable=False),
    Column("point", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False, comment="by the device's clock"),
    Column("received_ms", BigInteger, nullable=False),
    Column("said", String, nullable=False, comment="the device's reason"),
    Column("ours", String, nullable=False, comment="the reason of the same rule with the same facts here"),
    Column("roster", BigInteger, nullable=False),
    Column("rule", Integer, nullable=False),
)
