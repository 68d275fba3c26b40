"""The answers to what is not granted: JSON under the API, a page elsewhere. Never what they sent."""

from collections.abc import Awaitable, Callable, Mapping
from typing import cast
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy import select
from starlette.exceptions import HTTPException

from cloud.store.database import Store
from cloud.store.schema import people
from cloud.store.scope import OutOfScope, PurposeNeeded
from cloud.web.context import API, N_, Forbidden, LoginNeeded, MissingScope, maybe_login, service
from cloud.web.pages import Pages, see_other, with_query
from cloud.web.query import UnknownQuery
from cloud.web.rejected import Rejected
from cloud.web.sentence import Sentence

UNKNOWN_NAMES = N_("This address asks for something that the page does not know")
KNOWN_NAMES = N_("Behind the question mark may stand: %(known)s.")
STREAM = "/live"
"""How the path of every stream ends."""
CODES = {
    401: "wrong_login",
    404: "not_found",
    405: "wrong_method",
    409: "taken",
    413: "too_large",
    429: "too_many_tries",
}


def is_api(request: Request) -> bool:
    return request.url.path.startswith(API)


def problem(status: int, error: str, message: str, where: str = "", **more: object) -> JSONResponse:
    """The one form of every error of the API. ``where`` names the field at fault, ``more`` is what a program needs to
    go on."""
    return JSONResponse({"error": error, "message": message, "where": where, **more}, status)


def page(
    request: Request, status: int, heading: str, cure: str, *, log_in: bool = False, back: str | None = None
) -> Response:
    """What went wrong, inside the frame of whoever is logged in, with the way ``back``: to where the form stood, if
    none is named. The cure may be a ``Sentence``."""
    pages = service(Pages)(request)
    say = pages.language(request).say
    login, back = maybe_login(request), came_from(request) if back is None else back
    context = {"heading": say(heading), "cure": say(cure), "back": back, "log_in": log_in and login is None}
    return pages.page(request, "trouble.html", login, status, **context)


def came_from(request: Request) -> str:
    """The page of ours that led here, "/" if none did or nobody knows."""
    referer = urlsplit(request.headers.get("referer", ""))
    if referer.netloc != request.headers.get("host") or not referer.path.startswith("/"):
        return "/"
    return referer.path + (f"?{referer.query}" if referer.query else "")


def install(app: FastAPI, refusals: Mapping[type[Exception], int | tuple[int, str]]) -> None:
    """Put the answers below in place of the framework's own. ``refusals`` are exceptions of the domains, each with the
    status of its answer."""
    ours = {kind: _refused(refusal) for kind, refusal in refusals.items()}
    for kind, answer in {**_ANSWERS, **ours}.items():
        app.add_exception_handler(kind, answer)


async def _login_needed(request: Request, _error: Exception) -> Response:
    if is_api(request):
        return problem(401, "login_needed", "send a login token: Authorization: Bearer …")
    if request.method != "GET" or request.url.path.endswith(STREAM):
        return page(request, 401, N_("Please log in"), N_("The login has ended. Nothing was changed."), log_in=True)
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(target, safe='')}", 303)


async def _forbidden(request: Request, error: Exception) -> Response:
    if isinstance(error, MissingScope):
        needed = str(error.args[0])
        return problem(403, "missing_scope", f"this token lacks the scope {needed}: make one that has it", scope=needed)
    if is_api(request):
        return problem(403, "forbidden", "this login may not do that, or the request carries no X-CSRF-Token")
    return page(
        request,
        403,
        N_("You may not do that"),
        N_("Your role does not allow it, or the form was open for too long: load the page again and retry."),
    )


async def _purpose_needed(request: Request, error: Exception) -> Response:
    """A page leads to where the purpose is given, and from there back."""
    with service(Store)(request).reading() as connection:
        holder = cast(PurposeNeeded, error).holder
        person = connection.execute(select(people.c.id).where(people.c.holder == holder)).scalar_one()
    if is_api(request):
        return problem(403, "purpose_needed", f"give a purpose first: POST /api/v1/people/{person}/looks")
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return see_other(f"/people/{person}/look?back={quote(target, safe='')}")


async def _invalid(request: Request, error: Exception) -> Response:
    first = cast(RequestValidationError, error).errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if is_api(request):
        return problem(422, "invalid", str(first["msg"]), where)
    return page(request, 422, N_("Something in the form is not right"), N_("Go back and check every field."))


async def _unknown_query(request: Request, error: Exception) -> Response:
    """A page leads to the same address without what it does not know: programs of others write into addresses that are
    sent through them."""
    known = cast(UnknownQuery, error).known
    if is_api(request):
        return problem(422, "unknown_query", str(error), "query")
    kept = {name: value for name, value in request.query_params.items() if name in known}
    back = with_query(request.url.path, kept) if request.method == "GET" else None
    return page(request, 422, UNKNOWN_NAMES, Sentence(KNOWN_NAMES, known=", ".join(known)), back=back)


async def _no_text(request: Request, _error: Exception) -> Response:
    """JSON may hold half of a character, which can be neither stored nor hashed: nothing was changed."""
    if is_api(request):
        return problem(422, "invalid", "a text holds half of a character (a lone surrogate)")
    return page(request, 422, N_("Something in the form is not right"), N_("Go back and check every field."))


async def _rejected(_request: Request, error: Exception) -> Response:
    """The console catches these itself, to show them above the form."""
    rejected = cast(Rejected, error)
    return problem(rejected.status, CODES.get(rejected.status, "invalid"), str(rejected), rejected.where)


def _refused(refusal: int | tuple[int, str]) -> Callable[[Request, Exception], Awaitable[Response]]:
    status, text = refusal if isinstance(refusal, tuple) else (refusal, "")

    async def answer(request: Request, error: Exception) -> Response:
        return await _http(request, HTTPException(status, text or str(error)))

    return answer


async def _http(request: Request, error: Exception) -> Response:
    refusal = cast(HTTPException, error)
    if is_api(request):
        return problem(refusal.status_code, CODES.get(refusal.status_code, "refused"), str(refusal.detail))
    if refusal.status_code == 404:
        return page(request, 404, N_("There is no such page"), N_("It may have been renamed: look at the address."))
    return page(request, refusal.status_code, N_("This cannot be done now"), N_("Try again shortly."))


_ANSWERS: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    LoginNeeded: _login_needed,
    Forbidden: _forbidden,
    OutOfScope: _forbidden,
    PurposeNeeded: _purpose_needed,
    Rejected: _rejected,
    RequestValidationError: _invalid,
    UnknownQuery: _unknown_query,
    HTTPException: _http,
    UnicodeEncodeError: _no_text,
}
