"""The operator's own page: the password, and the logins that stand."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.accounts.words import SCOPES
from cloud.devices.registry import site_of
from cloud.web.auth import NoLogin, WeakPassword, WrongPassword
from cloud.web.context import N_, OwnForm, OwnPage, RequestContext, Said, address, service
from cloud.web.forms import NOT_RIGHT, FormItems, attempt
from cloud.web.login_pages import NO_CODE, NOT_LOGGED_IN, Short
from cloud.web.params import Id
from cloud.web.qr import draw
from cloud.web.rejected import Rejected
from cloud.web.roles import Right
from cloud.web.second_factor import SecondFactor, WrongCode
from cloud.web.tokens import MAX_DAYS, TokenService

DONE: Mapping[str, str] = {
    "password": N_("The password is changed. Your other logins have ended."),
    "ended": N_("The login has ended."),
    "others": N_("All your other logins have ended."),
    "factor": N_("No code is asked any more."),
    "token": N_("The token has ended."),
}
NOT_CHANGED: Mapping[type[Exception], tuple[str, int]] = {
    **NOT_LOGGED_IN,
    WeakPassword: (N_("The new password needs 10 to 200 characters."), 400),
    WrongPassword: (N_("That is not the current password."), 400),
}
"""What is said of each, and the status of the answer."""
WRONG: Mapping[type[Exception], str] = {NoLogin: N_("This login has ended already."), Rejected: ""}

HAS_ONE = N_("You have a second factor already: end that first, with a code of it.")

Tokens = Annotated[TokenService, Depends(service(TokenService))]
Factors = Annotated[SecondFactor, Depends(service(SecondFactor))]

router = APIRouter(prefix="/account")


@router.get("")
def account(context: OwnPage, done: str = "") -> HTMLResponse:
    return account_page(context, context.confirm(DONE, done))


@router.post("/password")
def change_password(context: OwnForm, old: Short = "", new: Short = "") -> Response:
    try:
        context.authenticator.change_password(context.login, old, new, address(context.request))
    except tuple(NOT_CHANGED) as wrong:
        text, status = NOT_CHANGED[type(wrong)]
        return account_page(context, context.say("bad", text), status)
    return _done(context, "password", lambda: None)


@router.post("/tokens")
def make_token(context: OwnForm, tokens: Tokens, items: FormItems) -> Response:
    """Shown once, on this answer: no address of ours holds it."""
    fields = dict(items)
    try:
        scopes = [Right(value) for name, value in items if name == "scope"]
        text = tokens.make(context.login.operator, fields.get("name", ""), scopes, int(fields.get("days", "")))
    except Rejected as rejected:
        return account_page(context, context.say("bad", rejected.sentence), rejected.status)
    except ValueError:
        return account_page(context, context.say("bad", NOT_RIGHT))
    return context.render("token_made.html", text=text)


@router.post("/tokens/{token}/end")
def end_token(token: Id, context: OwnForm, tokens: Tokens) -> Response:
    return _done(context, "token", lambda: tokens.end(context.login.operator, token, context.by))


@router.post("/factor")
def begin_factor(context: OwnForm, factors: Factors) -> Response:
    """The secret for the app, as a picture and as text. Nothing is asked before a code has been right."""
    with context.store.reading() as connection:
        community = context.language.label(site_of(connection).label)
    try:
        enrolment = factors.begin(context.login.operator, community)
    except WrongCode:
        return account_page(context, context.say("bad", HAS_ONE), 409)
    return context.render("second_factor.html", said=None, enrolment=enrolment, picture=draw(enrolment.address))


@router.post("/factor/confirm")
def confirm_factor(context: OwnForm, factors: Factors, code: Short = "") -> Response:
    """Shows the codes for paper, this once."""
    try:
        on_paper = factors.confirm(context.login.operator, code)
    except tuple(NO_CODE) as wrong:
        return account_page(context, context.say("bad", NO_CODE[type(wrong)][0]))
    return context.render("recovery_codes.html", codes=on_paper)


@router.post("/factor/end")
def end_factor(context: OwnForm, factors: Factors, code: Short = "") -> Response:
    operator = context.login.operator
    try:
        factors.judge(operator, code)
    except tuple(NO_CODE) as wrong:
        return account_page(context, context.say("bad", NO_CODE[type(wrong)][0]))
    return _done(context, "factor", lambda: factors.end(operator, context.by))


@router.post("/logins/others/end")
def end_others(context: OwnForm) -> Response:
    return _done(context, "others", lambda: context.authenticator.end_other_logins(context.login))


@router.post("/logins/{name}/end")
def end_login(name: str, context: OwnForm) -> Response:
    operator = context.login.operator
    return _done(context, "ended", lambda: context.authenticator.end_login(operator, name, context.by))


def account_page(context: RequestContext, said: Said | None, status: int = 0) -> HTMLResponse:
    operator = context.login.operator
    listed, has_factor = context.authenticator.logins_of(operator), context.service(SecondFactor).is_asked(operator)
    shown = {"logins": listed, "has_factor": has_factor, "tokens": context.service(TokenService).list_of(operator)}
    scopes = {right: text for right, text in SCOPES.items() if right in context.login.rights}
    return context.render("account.html", said=said, status=status, scopes=scopes, most_days=MAX_DAYS, **shown)


def _done(context: RequestContext, done: str, act: Callable[[], object]) -> Response:
    return attempt(context, act, f"/account?done={done}", WRONG, lambda said: account_page(context, said))
