"""Whose movements a list of events is asked for."""

from sqlalchemy import Connection

from cloud.people.store import find_person
from cloud.web.context import RequestContext, or_404
from cloud.web.roles import Right


def asked_holder(context: RequestContext, connection: Connection, person: int | None) -> bytes | None:
    """What devices know of the person of that id; None where nobody is asked for. Raises ``Forbidden``, or a 404 if
    there is no such person."""
    if person is None:
        return None
    context.check_right(Right.MOVEMENTS)
    return or_404(find_person(connection, person), "there is no such person").holder
