"""The operator's own page: the password, and the logins that stand."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from cloud.web.auth import NoLogin, WeakPassword, WrongPassword
from cloud.web.context import N_, OwnForm, OwnPage, RequestContext, Said, address
from cloud.web.forms import attempt
from cloud.web.login_pages import NOT_LOGGED_IN, Short

DONE: Mapping[str, str] = {
    "password": N_("The password is changed. Your other logins have ended."),
    "ended": N_("The login has ended."),
    "others": N_("All your other logins have ended."),
}
NOT_CHANGED: Mapping[type[Exception], tuple[str, int]] = {
    **NOT_LOGGED_IN,
    WeakPassword: (N_("The new password needs 10 to 200 characters."), 400),
    WrongPassword: (N_("That is not the current password."), 400),
}
"""What is said of each, and the status of the answer."""
WRONG: Mapping[type[Exception], str] = {NoLogin: N_("This login has ended already.")}

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


@router.post("/logins/others/end")
def end_others(context: OwnForm) -> Response:
    return _done(context, "others", lambda: context.authenticator.end_other_logins(context.login))


@router.post("/logins/{name}/end")
def end_login(name: str, context: OwnForm) -> Response:
    operator = context.login.operator
    return _done(context, "ended", lambda: context.authenticator.end_login(operator, name, context.by))


def account_page(context: RequestContext, said: Said | None, status: int = 0) -> HTMLResponse:
    listed = context.authenticator.logins_of(context.login.operator)
    return context.render("account.html", said=said, status=status, logins=listed)


def _done(context: RequestContext, done: str, act: Callable[[], object]) -> Response:
    return attempt(context, act, f"/account?done={done}", WRONG, lambda said: account_page(context, said))
