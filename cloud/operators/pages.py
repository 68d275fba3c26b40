"""The page of those who may log in: added, given another role, disabled, logged out, removed."""

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.devices.registry import site_of
from cloud.operators.api import find_other
from cloud.points.zone_store import view_zones
from cloud.web.assignments import BadAssignment
from cloud.web.auth import BadName, LastAdmin, NameTaken, NoOperator
from cloud.web.context import N_, RequestContext, Said, form_for, page_for
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOT_RIGHT, Fields, attempt
from cloud.web.operators import Operator, list_operators
from cloud.web.roles import ROLES, Assignment, Right, Role
from cloud.web.second_factor import SecondFactor, names_with_factor

DONE: Mapping[str, str] = {
    "changed": N_("The role is changed."),
    "disabled": N_("Disabled: all logins have ended."),
    "enabled": N_("Enabled: the old password counts again."),
    "ended": N_("All logins and tokens have ended."),
    "factor": N_("No code is asked of them any more."),
    "removed": N_("Removed. What they did stays in the audit."),
}
ADDED = N_("%(name)s may log in. The password, shown only now: %(password)s")
WRONG: Mapping[type[Exception], str] = {
    BadName: N_("A name to log in with is one word of at most 40 characters. Nothing was changed."),
    NameTaken: N_("There is an operator of that name, or of one that looks the same. Nothing was changed."),
    BadAssignment: N_(
        "Say which zone, units or party the role is for, or leave it out for the whole site. Nothing was changed."
    ),
    LastAdmin: N_("This is the last administrator: add another one first. Nothing was changed."),
    NoOperator: N_("There is no operator of that name. Nothing was changed."),
    ValueError: NOT_RIGHT,
}

Seeing = Annotated[RequestContext, Depends(page_for(Right.ACCOUNTS))]
Admin = Annotated[RequestContext, Depends(form_for(Right.OPERATORS))]

router = APIRouter(prefix="/operators")
NAV = (Nav(NavGroup.OFFICE, "/operators", N_("Operators"), right=Right.ACCOUNTS),)


@router.get("")
def operators(context: Seeing, done: str = "") -> HTMLResponse:
    return operators_page(context, context.confirm(DONE, done))


def operators_page(context: RequestContext, said: Said | None, typed: Mapping[str, str] | None = None) -> HTMLResponse:
    with context.store.reading() as connection:
        listed, zones = list_operators(connection), view_zones(connection)
        with_factor = names_with_factor(connection, site_of(connection).name)
    parts = {role.value: rule.part.value if rule.part else "" for role, rule in ROLES.items()}
    return context.render(
        "operators.html",
        operators=listed,
        zones=zones,
        parts=parts,
        with_factor=with_factor,
        said=said,
        typed=typed or {},
    )


@router.post("")
def add(context: Admin, fields: Fields) -> Response:
    """The password is made here, and shown once: no address of ours holds it."""
    name, password = fields.get("name", ""), secrets.token_urlsafe(12)
    again = partial(operators_page, context, typed=fields)
    try:
        role = Role(fields.get("role", ""))
        context.authenticator.add_operator(name, password, role, context.by, fields.get("of", ""))
    except tuple(WRONG) as wrong:
        return again(context.say("bad", next(text for kind, text in WRONG.items() if isinstance(wrong, kind))))
    text = context.language.say(ADDED) % {"name": name.strip(), "password": password}
    return operators_page(context, Said("good", text))


@router.post("/{name}/role")
def change(name: str, context: Admin, fields: Fields) -> Response:
    def act(other: Operator) -> None:
        assignment = Assignment(Role(fields.get("role", "")), fields.get("of", ""))
        context.authenticator.set_assignment(other, assignment, context.by)

    return _change(context, name, act, "changed")


@router.post("/{name}/disable")
def disable(name: str, context: Admin) -> Response:
    return _change(context, name, lambda one: context.authenticator.set_disabled(one, True, context.by), "disabled")


@router.post("/{name}/enable")
def enable(name: str, context: Admin) -> Response:
    return _change(context, name, lambda one: context.authenticator.set_disabled(one, False, context.by), "enabled")


@router.post("/{name}/logout")
def end_logins(name: str, context: Admin) -> Response:
    return _change(context, name, lambda one: context.authenticator.end_logins(one, context.by), "ended")


@router.post("/{name}/factor/end")
def end_factor(name: str, context: Admin) -> Response:
    """For somebody who has lost app and paper."""
    return _change(context, name, lambda one: context.service(SecondFactor).end(one, context.by), "factor")


@router.post("/{name}/remove")
def remove(name: str, context: Admin) -> Response:
    return _change(context, name, lambda one: context.authenticator.remove_operator(one, context.by), "removed")


def _change(context: RequestContext, name: str, act: Callable[[Operator], None], done: str) -> Response:
    again = partial(operators_page, context)
    return attempt(context, lambda: act(find_other(context, name)), f"/operators?done={done}", WRONG, again)
