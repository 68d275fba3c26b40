"""The routes of `/api/v1` about operators, and about looks at a person's movements."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import Field

from cloud.devices.registry import site_of
from cloud.people.store import find_person
from cloud.web import operators
from cloud.web.assignments import MAX_OF
from cloud.web.auth import MAX_NAME, NoOperator
from cloud.web.bodies import Added, Strict, answer_of
from cloud.web.context import RequestContext, call_for, or_404, service
from cloud.web.looks import LookService, LookView, list_looks, read_purpose
from cloud.web.operators import Operator
from cloud.web.params import AuditReader, Id, Limit, ZoneReader
from cloud.web.roles import Assignment, Right, Role

Admin = Annotated[RequestContext, Depends(call_for(Right.OPERATORS))]
AccountsReader = Annotated[RequestContext, Depends(call_for(Right.ACCOUNTS))]
MovementsReader = Annotated[RequestContext, Depends(call_for(Right.MOVEMENTS))]
Looks = Annotated[LookService, Depends(service(LookService))]

router = APIRouter(prefix="/api/v1")


class OperatorIn(Strict):
    """Somebody new. ``of`` is the zone, the units of the cell, or the number of the party that the role is for."""

    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=r"^\S+$")
    password: str
    role: Role
    of: str = Field("", max_length=MAX_OF)


class OperatorChange(Strict):
    """What is to be changed. ``of`` goes with ``role``."""

    disabled: bool | None = None
    role: Role | None = None
    of: str = Field("", max_length=MAX_OF)


class LookIn(Strict):
    """For what purpose somebody looks: a word of the list, or the number of a case."""

    purpose: str = Field("", max_length=20)
    case: str = Field("", max_length=40)


@router.get("/operators", response_model=answer_of(list[Operator]))
def list_operators(context: AccountsReader) -> list[Operator]:
    with context.store.reading() as connection:
        return operators.list_operators(connection)


@router.post("/operators", status_code=201)
def add_operator(body: OperatorIn, context: Admin) -> Added:
    added = context.authenticator.add_operator(body.name, body.password, body.role, context.by, body.of)
    return Added(id=added)


@router.patch("/operators/{name}", status_code=204)
def change_operator(name: str, body: OperatorChange, context: Admin) -> None:
    """Disabling an operator ends their logins at once. Nobody disables themselves, or changes their own role."""
    other = find_other(context, name)
    if body.role is not None:
        context.authenticator.set_assignment(other, Assignment(body.role, body.of), context.by)
    if body.disabled is not None:
        context.authenticator.set_disabled(other, body.disabled, context.by)


@router.delete("/operators/{name}", status_code=204)
def remove_operator(name: str, context: Admin) -> None:
    """Forget an operator and end their logins; the audit still says what they did."""
    context.authenticator.remove_operator(find_other(context, name), context.by)


@router.post("/operators/{name}/logout", status_code=204)
def end_logins(name: str, context: Admin) -> None:
    """Log an operator out everywhere."""
    context.authenticator.end_logins(find_other(context, name), context.by)


@router.post("/people/{person}/looks", status_code=204)
def look_at_person(person: Id, body: LookIn, context: MovementsReader, look_service: Looks) -> None:
    """Say for what purpose you look at somebody's movements: for half an hour this login may."""
    look_service.look_at_person(context.login, context.scope, person, read_purpose(body.purpose, body.case))


@router.get("/people/{person}/looks", response_model=answer_of(list[LookView]))
def looks_at(person: Id, context: AuditReader, limit: Limit = 50) -> list[LookView]:
    """Who looked at somebody's movements, the newest first."""
    with context.store.reading() as connection:
        or_404(find_person(connection, person), "there is no such person")
        return list_looks(connection, site_of(connection).name, person, limit)


@router.post("/events/{arrival}/looks", status_code=204)
def look_at_event(arrival: Id, body: LookIn, context: ZoneReader, look_service: Looks) -> None:
    """The same of whom an event names that does not say it to you."""
    look_service.look_at_event(context.login, context.scope, arrival, read_purpose(body.purpose, body.case))


def find_other(context: RequestContext, name: str) -> Operator:
    """An operator who is to be changed. Raises ``NoOperator``, or a 409 for whoever asks themselves."""
    with context.store.reading() as connection:
        account = operators.find_operator(connection, name)
    if account is None:
        raise NoOperator(name)
    if account[0].id == context.login.operator.id:
        raise HTTPException(409, "ask another administrator: nobody does this to themselves")
    return account[0]
