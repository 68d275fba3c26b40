"""The table of the setup file about plans."""

from collections.abc import Iterator

from cloud.hours.setup_tables import HoursRow
from cloud.people.plans import Plan
from cloud.people.store import list_plans
from cloud.plans.gaps import gaps
from cloud.plans.rule import Around, plan_faults
from cloud.plans.service import check_removable, put_plan, remove_plan
from cloud.points.rule import SiteZone
from cloud.points.setup_tables import known_classes
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_, Sentence
from cloud.web.setup_table import Problem, Proposal, SetupTable

MISSING = N_("it is missing here. %(why)s")


def _check(proposal: Proposal) -> Iterator[Problem]:
    around = Around(proposal.names(SiteZone), proposal.names(HoursRow), known_classes(proposal))
    for plan in proposal.rows(Plan).values():
        for field, text in plan_faults(plan, around):
            yield Problem(plan.name, field, text)
    for gone in proposal.gone(Plan):
        try:
            check_removable(proposal.connection, gone.name)
        except Rejected as wrong:
            yield Problem(gone.name, "", Sentence(MISSING, why=wrong.sentence))


PLANS = SetupTable(
    name="plan",
    place=70,
    kind=Plan,
    read=lambda connection, _site: list_plans(connection),
    put=put_plan,
    remove=remove_plan,
    check=_check,
    gaps=gaps,
    actions=("plan.",),
)
TABLES = (PLANS,)
