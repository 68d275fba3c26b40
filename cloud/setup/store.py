"""What the setup is compared with beside its tables: its last changes in the audit, and people's names."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, or_, select

from cloud.store.labels import Label
from cloud.store.schema import people
from cloud.web.operators import AuditEntry
from cloud.web.tables import audit


def last_change(connection: Connection, actions: Sequence[str]) -> int:
    """The newest row of the audit whose action begins with one of these; 0 before the first."""
    newest = select(func.coalesce(func.max(audit.c.id), 0)).where(_of(actions))
    return int(connection.execute(newest).scalar_one())


def changes_since(connection: Connection, actions: Sequence[str], row: int, limit: int) -> list[AuditEntry]:
    """What was done after that row of the audit, the first of it."""
    columns = (audit.c[name] for name in AuditEntry.__struct_fields__)
    newer = select(*columns).where(audit.c.id > row, _of(actions)).order_by(audit.c.id).limit(limit)
    return [AuditEntry(*found) for found in connection.execute(newer)]


def people_names(connection: Connection) -> dict[int, Label]:
    """What everybody is called, by id."""
    columns = people.c.id, people.c.name_zh, people.c.name_en
    return {row.id: Label(row.name_zh, row.name_en) for row in connection.execute(select(*columns))}


def _of(actions: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(audit.c.action.startswith(action, autoescape=True) for action in actions))
