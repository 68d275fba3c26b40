"""Logging in and out, and the operator's own page."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from cloud.web.auth import LOGIN_LASTS_MS, Busy, Right, TooManyTries, WeakPassword, WrongPassword
from cloud.web.context import COOKIE, N_, AnyLogin, Context, Forbidden, address, form_for, maybe_login
from cloud.web.forms import say
from cloud.web.operators import Login
from cloud.web.pages import Pages, local_path, see_other

FORM_COOKIE = "hg_form"
"""Before anybody is logged in there is no login to bind a form to; this cookie stands in."""
WRONG = N_("Wrong name or password. After five wrong tries a name rests for a quarter of an hour.")
BUSY = N_("Many people log in at this moment. Try again in a few seconds.")
TOO_MANY = N_("Too many wrong tries from here. Wait five minutes.")
WEAK = N_("The new password needs 10 to 200 characters.")
NOT_THE_OLD = N_("That is not the password now.")
CHANGED = N_("The password is changed. Your other logins have ended.")

Short = Annotated[str, Form(max_length=1000)]
Changing = Annotated[Login, Depends(form_for(Right.READ))]


router = APIRouter()


@router.get("/login")
def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    if maybe_login(request):
        return see_other(local_path(next))
    return login_form(request, next)


def login_form(request: Request, wanted: str, wrong: str = "", status: int = 200) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    said = say(request, "bad", wrong) if wrong else None
    made = pages.page(request, "login.html", status=status, said=said, token=token, next=local_path(wanted))
    set_cookie(request, made, FORM_COOKIE, token, None)
    return made


@router.post("/login")
def log_in(
    request: Request,
    context: Context,
    name: Short = "",
    password: Short = "",
    csrf: Short = "",
    next: Short = "/",  # noqa: A002 - the field of the form
) -> Response:
    if not csrf or not secrets.compare_digest(csrf.encode(), request.cookies.get(FORM_COOKIE, "").encode()):
        raise Forbidden
    try:
        secret, _ = context.authenticator.log_in(name, password, address(request))
    except WrongPassword:
        return login_form(request, next, WRONG, 401)
    except TooManyTries:
        return login_form(request, next, TOO_MANY, 429)
    except Busy:
        return login_form(request, next, BUSY, 503)
    answer = see_other(local_path(next))
    set_cookie(request, answer, COOKIE, secret, LOGIN_LASTS_MS // 1000)
    answer.delete_cookie(FORM_COOKIE)
    return answer


@router.post("/logout")
def log_out(login: Changing, context: Context) -> Response:
    context.authenticator.log_out(login)
    answer = see_other("/login")
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/account")
def account(request: Request, login: AnyLogin, done: bool = False) -> HTMLResponse:
    pages: Pages = request.app.state.pages
    return pages.page(request, "account.html", login, said=say(request, "good", CHANGED) if done else None)


@router.post("/account/password")
def change_password(request: Request, login: Changing, context: Context, old: Short = "", new: Short = "") -> Response:
    pages: Pages = request.app.state.pages
    try:
        context.authenticator.change_password(login, old, new, address(request))
    except WeakPassword:
        wrong, status = WEAK, 400
    except WrongPassword:
        wrong, status = NOT_THE_OLD, 400
    except TooManyTries:
        wrong, status = TOO_MANY, 429
    except Busy:
        wrong, status = BUSY, 503
    else:
        return see_other("/account?done=1")
    return pages.page(request, "account.html", login, status, said=say(request, "bad", wrong))


def set_cookie(request: Request, answer: Response, name: str, value: str, lasts_s: int | None) -> None:
    """A cookie that scripts cannot read and that other sites' forms do not carry."""
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, max_age=lasts_s, httponly=True, samesite="lax", secure=secure)
