"""The routes of `/api/v1` about cases."""

from typing import Annotated

from fastapi import APIRouter, Depends
from msgspec import Struct, structs
from pydantic import Field

from cloud.cases import store
from cloud.cases.rule import MAX_NOTE, Action, Case, CaseState, Grade, Team
from cloud.cases.service import CaseService
from cloud.cases.store import CaseView
from cloud.devices.registry import site_of
from cloud.store.labels import Label
from cloud.web.bodies import Shown, Strict, answer_of
from cloud.web.context import service
from cloud.web.params import Guard, Id, Limit, ZoneReader

Cases = Annotated[CaseService, Depends(service(CaseService))]

router = APIRouter(prefix="/api/v1/cases")


class StepIn(Strict):
    """``assignee`` is an operator; without one, whoever accepts has it."""

    note: Shown = Field("", max_length=MAX_NOTE)
    assignee: Shown = Field("", max_length=64)


class CaseAnswer(Struct, frozen=True):
    """A case as it is listed. Times are UTC milliseconds, None for what has not happened."""

    id: int
    kind: str
    grade: Grade
    team: Team
    state: CaseState
    label: Label
    device: str
    point: str
    zone: str
    cell: str
    part: str
    late: bool
    count: int
    reported_ms: int
    noted_ms: int
    last_ms: int
    recovered_ms: int | None
    accepted_ms: int | None
    accepted_by: str
    assignee: str
    note: str
    solved_ms: int | None
    solved_by: str


_SAME = frozenset(CaseAnswer.__struct_fields__) & frozenset(Case.__struct_fields__) - {"id"}


def answer(view: CaseView) -> CaseAnswer:
    same = {name: value for name, value in structs.asdict(view.case).items() if name in _SAME}
    return CaseAnswer(id=view.case.id or 0, state=view.case.state, label=view.label, **same)


@router.get("", response_model=answer_of(list[CaseAnswer]))
def show_cases(context: ZoneReader, solved: bool = False, limit: Limit = 200) -> list[CaseAnswer]:
    """Those that are open, the worst first; or those that were ``solved``, the last first."""
    listed = store.list_solved if solved else store.list_open
    with context.store.reading() as connection:
        return [answer(one) for one in listed(connection, site_of(connection).name, limit)]


@router.post("/{case}/{action}", status_code=204)
def act(case: Id, action: Action, body: StepIn, context: Guard, case_service: Cases) -> None:
    """Accept it, assign it to somebody, or solve it. A case that somebody has already is a 409 with their name."""
    case_service.act(context.by, case, action, note=body.note, assignee=body.assignee)
