"""The tables of counted zones: how many are inside, who was last seen where, and what each device may still admit."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table

from cloud.store.schema import metadata

zone_counts = Table(
    "zone_counts",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("zone", String, primary_key=True),
    Column("inside", Integer, nullable=False),
    Column("count_doubt", Integer, nullable=False, comment="by how many that may be wrong"),
    Column("names_doubt", Integer, nullable=False, comment="passages that nobody can name"),
    Column("counted_ms", BigInteger, nullable=False, comment="when somebody last counted the room, 0 for never"),
    Column("emptied_ms", BigInteger, nullable=False, comment="when everybody was last taken for gone, 0 for never"),
    Column("swept_ms", BigInteger, nullable=False, comment="the closing time for which it was last looked who stayed"),
    Column("changes", BigInteger, nullable=False, comment="grows with each change: the devices are told"),
    sqlite_with_rowid=False,
)

zone_people = Table(
    "zone_people",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("zone", String, primary_key=True),
    Column("holder", LargeBinary(8), primary_key=True),
    Column("is_inside", Boolean, nullable=False, comment="as they were last seen to pass"),
    Column("passed_ms", BigInteger, nullable=False, comment="when that was"),
    sqlite_with_rowid=False,
)

zone_rooms = Table(
    "zone_rooms",
    metadata,
    Column("site", String, ForeignKey("sites.name"), primary_key=True),
    Column("zone", String, primary_key=True),
    Column("device", String, primary_key=True),
    Column("net", BigInteger, nullable=False, comment="how many more it has let in than out"),
    Column("allowance", BigInteger, nullable=False, comment="what that may reach, by the newest division"),
    Column("promised", BigInteger, nullable=False, comment="the same by any division that it may still go by"),
    Column("division", BigInteger, nullable=False, comment="the number of the newest"),
    Column("passed_ms", BigInteger, nullable=False, comment="when somebody last passed there"),
    sqlite_with_rowid=False,
)
