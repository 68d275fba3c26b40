"""Logging in and out."""

import secrets
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from cloud.web.auth import HALF_LASTS_MS, LOGIN_LASTS_MS, Busy, CodeNeeded, TooManyTries, WrongPassword
from cloud.web.browsers import browser_of
from cloud.web.context import (
    COOKIE,
    N_,
    Context,
    Forbidden,
    OwnForm,
    RequestContext,
    address,
    agent_of,
    maybe_login,
)
from cloud.web.pages import local_path, see_other, with_query
from cloud.web.second_factor import TooManyCodes, WrongCode

FORM_COOKIE = "hg_form"
"""Before anybody is logged in there is no login to bind a form to; this cookie stands in."""
NOT_LOGGED_IN: Mapping[type[Exception], tuple[str, int]] = {
    WrongPassword: (N_("Wrong name or password. After five wrong tries a name is blocked for 15 minutes."), 401),
    TooManyTries: (N_("Too many wrong tries from this address. Wait five minutes."), 429),
    Busy: (N_("Many people log in at this moment. Try again in a few seconds."), 503),
}
"""What is said of each, and the status of the answer."""
NO_CODE: Mapping[type[Exception], tuple[str, int]] = {
    WrongCode: (N_("This is not the code of this moment, or it was used already: wait for the next one."), 401),
    TooManyCodes: (N_("Too many wrong codes. Wait 15 minutes, or ask an administrator."), 429),
}
TOO_LATE = N_("That took too long: begin again with name and password.")
HALF_COOKIE = "hg_half"
"""Whoever has given the password holds it until the code has come."""

Short = Annotated[str, Form(max_length=1000)]
router = APIRouter()


@router.get("/login")
def login_page(context: Context, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    if maybe_login(context.request):
        return see_other(local_path(next))
    return login_form(context, next)


def login_form(
    context: RequestContext, then: str, wrong: str = "", status: int = 200, template: str = "login.html"
) -> HTMLResponse:
    request = context.request
    token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    said = context.say("bad", wrong) if wrong else None
    page = context.pages.page(request, template, None, status, said=said, token=token, next=local_path(then))
    set_cookie(request, page, FORM_COOKIE, token, None)
    return page


@router.post("/login")
def log_in(
    context: Context,
    name: Short = "",
    password: Short = "",
    csrf: Short = "",
    next: Short = "/",  # noqa: A002 - the field of the form
) -> Response:
    request = context.request
    if not csrf or not secrets.compare_digest(csrf.encode(), request.cookies.get(FORM_COOKIE, "").encode()):
        raise Forbidden
    try:
        secret, _ = context.authenticator.log_in(name, password, address(request), browser_of(agent_of(request)))
    except CodeNeeded as needed:
        answer = see_other(with_query("/login/code", {}, next=local_path(next)))
        set_cookie(request, answer, HALF_COOKIE, needed.half, HALF_LASTS_MS // 1000, path="/login")
        return answer
    except tuple(NOT_LOGGED_IN) as wrong:
        return login_form(context, next, *NOT_LOGGED_IN[type(wrong)])
    return _logged_in(request, secret, next)


@router.get("/login/code")
def code_page(context: Context, next: str = "/") -> HTMLResponse:  # noqa: A002 - the name in the address
    """The second step, of operators who have a second factor."""
    return code_form(context, next)


@router.post("/login/code")
def give_code(
    context: Context,
    code: Short = "",
    csrf: Short = "",
    next: Short = "/",  # noqa: A002 - the field of the form
) -> Response:
    request = context.request
    if not csrf or not secrets.compare_digest(csrf.encode(), request.cookies.get(FORM_COOKIE, "").encode()):
        raise Forbidden
    half, browser = request.cookies.get(HALF_COOKIE, ""), browser_of(agent_of(request))
    try:
        secret, _ = context.authenticator.complete(half, code, address(request), browser)
    except WrongPassword:
        return login_form(context, next, TOO_LATE, 401)
    except tuple(NO_CODE) as wrong:
        return code_form(context, next, *NO_CODE[type(wrong)])
    answer = _logged_in(request, secret, next)
    answer.delete_cookie(HALF_COOKIE, path="/login")
    return answer


def code_form(context: RequestContext, then: str, wrong: str = "", status: int = 200) -> HTMLResponse:
    return login_form(context, then, wrong, status, template="login_code.html")


def _logged_in(request: Request, secret: str, then: str) -> Response:
    answer = see_other(local_path(then))
    set_cookie(request, answer, COOKIE, secret, LOGIN_LASTS_MS // 1000)
    answer.delete_cookie(FORM_COOKIE)
    return answer


@router.post("/logout")
def log_out(context: OwnForm) -> Response:
    context.authenticator.log_out(context.login)
    answer = see_other("/login")
    answer.delete_cookie(COOKIE)
    return answer


def set_cookie(
    request: Request, answer: Response, name: str, value: str, lasts_s: int | None, *, path: str = "/"
) -> None:
    """A cookie that scripts cannot read and that other sites' forms do not carry."""
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, max_age=lasts_s, path=path, httponly=True, samesite="lax", secure=secure)
