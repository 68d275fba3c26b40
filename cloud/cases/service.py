"""The use cases of cases: accepted, given to somebody, solved."""

from cloud.cases import store
from cloud.cases.rule import MAX_NOTE, Action, after
from cloud.devices.registry import site_of
from cloud.store.database import Clock, Store
from cloud.web.names import clean_text
from cloud.web.operators import list_operators, record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

NO_CASE = N_("There is no such case. Nothing was changed.")
NO_OPERATOR = N_("There is no operator %(name)s. Nothing was changed.")


class CaseService:
    """The service of cases. Any thread may use it; ``by`` is the operator's name. What is rejected leaves no trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def act(self, by: str, number: int, action: Action, *, note: str = "", assignee: str = "") -> None:
        """Take a step, with a note about it. Raises ``Rejected``, or ``ValueError`` for what is no text."""
        text = clean_text(note, MAX_NOTE) if note else ""
        with self._store.writing() as connection:
            site, now_ms = site_of(connection).name, self._clock()
            case = store.find_case(connection, site, number)
            if case is None:
                raise Rejected(NO_CASE, status=404)
            if assignee and assignee not in {one.name for one in list_operators(connection)}:
                raise Rejected(NO_OPERATOR, "assignee", name=assignee)
            changed = after(case, action, by, now_ms, note=text, assignee=assignee)
            store.put_cases(connection, site, [changed])
            detail = {"note": text, "assignee": changed.assignee if action is Action.ASSIGN else ""}
            kept = {name: value for name, value in detail.items() if value}
            record(connection, now_ms, by, f"case.{action}", f"case {number}", **kept)
