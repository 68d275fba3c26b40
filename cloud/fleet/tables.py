"""Tables of roll-outs: one row each, and one for each of their devices."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from cloud.store.schema import metadata

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("by", String, nullable=False, comment="the operator's name"),
    Column("reason", String, nullable=False),
    Column("canary", String, nullable=False, comment="the device that it goes to first"),
    Column("started_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("why", String, nullable=False),
    Column("ended_ms", BigInteger),
    Column("stop", String, comment="why a person wants it stopped; the server does it"),
    Index("ix_rollouts_started_ms", "started_ms"),
)

rollout_legs = Table(
    "rollout_legs",
    metadata,
    Column("rollout_id", String(32), ForeignKey("rollouts.id"), primary_key=True),
    Column("device", String, primary_key=True),
    Column("wiring", String, nullable=False, comment="what is sent to it"),
    Column("state", String, nullable=False),
    Column("why", String, nullable=False),
    Column("number", BigInteger, nullable=False, comment="of the document that carries it; 0 before it is sent"),
    Column("former", String, nullable=False, comment="what was desired of it before"),
)
