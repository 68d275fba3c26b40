"""The use cases of plans: each is made, changed or removed with its row in the audit, and only after the roster without
and with it was compared (``cloud.setup``)."""

from sqlalchemy import Connection

from cloud.people.plans import RESIDENT, Plan
from cloud.people.store import add_plan, change_plan, list_plans
from cloud.plans.store import delete_plan, holders_of
from cloud.setup.service import Preview, SetupService
from cloud.store.database import Store
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from cloud.web.setup_table import Writing, changed_detail

NO_PLAN = N_("There is no such plan. Nothing was changed.")
TAKEN = N_("There is a plan of this name already. Nothing was changed.")
HELD = N_("%(count)s memberships are of this plan (%(names)s): end and remove them first. Nothing was changed.")
STAYS = N_("Everybody who lives here has this plan: it stays. Nothing was changed.")


def put_plan(writing: Writing, plan: Plan, before: Plan | None) -> None:
    """Make the plan, or put it in the place of the one before."""
    (change_plan if before else add_plan)(writing.connection, plan)
    action = "plan.changed" if before else "plan.added"
    record(writing.connection, writing.now_ms, writing.by, action, plan.name, **changed_detail(before, plan))


def remove_plan(writing: Writing, plan: Plan) -> None:
    """Raises ``Rejected`` for one that somebody holds."""
    check_removable(writing.connection, plan.name)
    delete_plan(writing.connection, plan.name)
    record(writing.connection, writing.now_ms, writing.by, "plan.removed", plan.name)


def check_removable(connection: Connection, name: str) -> None:
    """Raises ``Rejected``."""
    if name == RESIDENT.name:
        raise Rejected(STAYS, "name", 409)
    holders = holders_of(connection, name)
    if holders.count:
        raise Rejected(HELD, "name", 409, count=holders.count, names=holders.names)


class PlanService:
    """The service that makes, changes and removes plans. ``by`` is the operator's name, ``accept`` the code of a change
    that wants a second step. What is refused leaves no trace: see ``SetupService.change``."""

    def __init__(self, store: Store, setup: SetupService) -> None:
        self._store, self._setup = store, setup

    def make(self, by: str, plan: Plan, accept: str = "") -> Preview:
        """Raises ``Rejected`` for a name that is taken."""
        if self._find(plan.name) is not None:
            raise Rejected(TAKEN, "name", 409)
        return self._setup.change(by, Plan, {plan.name: plan}, accept)

    def change(self, by: str, plan: Plan, accept: str = "") -> Preview:
        """Put the plan in the place of the one of its name. Raises ``Rejected`` if there is none."""
        if self._find(plan.name) is None:
            raise Rejected(NO_PLAN, "name", 404)
        return self._setup.change(by, Plan, {plan.name: plan}, accept)

    def remove(self, by: str, name: str, accept: str = "") -> Preview:
        """Raises ``Rejected`` for one that there is not, or that somebody holds."""
        if self._find(name) is None:
            raise Rejected(NO_PLAN, "name", 404)
        return self._setup.change(by, Plan, {name: None}, accept)

    def _find(self, name: str) -> Plan | None:
        with self._store.reading() as connection:
            return next((plan for plan in list_plans(connection) if plan.name == name), None)
