"""Where journals are broken: rows that are lost, or that exist twice."""

from msgspec import Struct
from sqlalchemy import Connection, func, select

from cloud.store.schema import breaks, devices, journals


class BreakView(Struct, frozen=True):
    """Rows ``first`` to ``last`` of a device's journal; ``why`` as in ``cloud.devices.streams.Break``."""

    device: str
    journal: str
    first: int
    last: int
    why: str
    noted_ms: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def list_breaks(connection: Connection, *, device: str = "", since_ms: int = 0, limit: int = 50) -> list[BreakView]:
    """The newest first: of one device or of all, and only those that were noted since."""
    columns = devices.c.name, journals.c.journal, breaks.c.first, breaks.c.last, breaks.c.why, breaks.c.noted_ms
    query = select(*columns).join_from(breaks, journals, journals.c.id == breaks.c.journal_id)
    query = query.join(devices, devices.c.id == breaks.c.device_id).where(breaks.c.noted_ms >= since_ms)
    if device:
        query = query.where(devices.c.name == device)
    return [BreakView(*row) for row in connection.execute(query.order_by(breaks.c.id.desc()).limit(limit))]


def count_lost(connection: Connection, device: str) -> int:
    """All rows of a device that are known to be lost."""
    mine = (devices.c.name == device) & (breaks.c.why != "forked")
    total = select(func.coalesce(func.sum(breaks.c.last - breaks.c.first + 1), 0)).join_from(breaks, devices)
    return int(connection.execute(total.where(mine)).scalar_one())
