"""What every request needs: the database, the services of the domains, and who is asking."""

import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse
from msgspec import Struct, structs
from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.devices.views import DeviceView, list_devices
from cloud.store.database import Clock, SeenStore, Store
from cloud.store.scope import WHOLE_SITE, Scope
from cloud.web.auth import Authenticator, Right
from cloud.web.i18n import N_ as N_
from cloud.web.i18n import Language
from cloud.web.looks import looked_at
from cloud.web.operators import Login
from cloud.web.pages import Pages
from cloud.web.roles import Part
from cloud.web.tokens import PREFIX, TokenService

T = TypeVar("T")

API = "/api/"
COOKIE = "hg_login"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class LoginNeeded(Exception):
    """Nobody is logged in."""


class Forbidden(Exception):
    """Somebody is, and may not do this; or the form was not made by us."""


class MissingScope(Forbidden):
    """A program asks for what its owner may do, and its token may not. The first argument is the right."""


def service(kind: type[T]) -> Callable[[Request], T]:
    """A dependency on the application's one service of this type."""

    def find(request: Request) -> T:
        instance: T = request.app.state.services[kind]
        return instance

    return find


def address(request: Request) -> str:
    """Where the request comes from, for counting wrong tries."""
    return request.client.host if request.client else ""


def agent_of(request: Request) -> str:
    """What the browser calls itself."""
    return request.headers.get("user-agent", "")


def secret_of(request: Request) -> str:
    """The login secret that a request carries: a bearer token, else the cookie."""
    bearer = _bearer(request)
    return request.cookies.get(COOKIE, "") if bearer is None else bearer


def _bearer(request: Request) -> str | None:
    """None where no bearer token speaks for the caller, whatever else the header says."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def maybe_login(request: Request) -> Login | None:
    """Who asks: by a cookie, by the secret of a login, or under the API by the token of a program."""
    secret = secret_of(request)
    if secret.startswith(PREFIX):
        return service(TokenService)(request).login_of(secret) if request.url.path.startswith(API) else None
    return service(Authenticator)(request).login_of(secret) if secret else None


class Said(Struct, frozen=True):
    """A sentence above a form."""

    tone: Literal["good", "bad"]
    text: str


class RequestContext:
    """The context of one request: what all requests share, who is asking, and how they are answered. What only a domain
    needs is a service of its own: see ``service``."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.clock: Clock = request.app.state.clock
        self.authenticator = self.service(Authenticator)
        self.pages = self.service(Pages)

    @cached_property
    def _maybe_login(self) -> Login | None:
        return maybe_login(self.request)

    @property
    def login(self) -> Login:
        """Raises ``LoginNeeded``."""
        if self._maybe_login is None:
            raise LoginNeeded
        return self._maybe_login

    @cached_property
    def scope(self) -> Scope:
        """What of the site whoever asks sees. What is shown without a login says itself what that is."""
        login = self._maybe_login
        if login is None:
            return WHOLE_SITE
        now_ms = self.clock()
        with self.service(Store).reading() as connection:
            looked = looked_at(connection, site_of(connection).name, login, now_ms)
        seen = self.pages.scope(login.operator.assignment, looked)
        return seen if Right.MOVEMENTS in login.rights else structs.replace(seen, movements="closed")

    @cached_property
    def store(self) -> SeenStore:
        """What of the database whoever asks sees. Services change it."""
        return SeenStore(self.service(Store), self.scope)

    @property
    def language(self) -> Language:
        """The language that the page is asked in."""
        return self.pages.language(self.request)

    @property
    def by(self) -> str:
        """The operator's name, as the audit and the devices keep it."""
        return self.login.operator.name

    def service(self, kind: type[T]) -> T:
        """The application's one service of this type."""
        return service(kind)(self.request)

    def check_login(self) -> "RequestContext":
        """The same, of somebody who is logged in. Raises ``LoginNeeded``."""
        if self._maybe_login is None:
            raise LoginNeeded
        return self

    def check_right(self, right: Right, *parts: Part) -> "RequestContext":
        """The same, of somebody who has the right, and who sees the whole site or one of these parts of it. Raises
        ``LoginNeeded`` or ``Forbidden``."""
        if not self.login.operator.assignment.may(right, parts):
            raise Forbidden
        if right not in self.login.rights:
            raise MissingScope(right)
        return self

    def check_party(self, party: int) -> None:
        """Raises ``Forbidden`` where it is somebody else's."""
        if not self.scope.sees_party(party):
            raise Forbidden

    def check_token(self, given: str) -> None:
        """A form, or a request that a browser sends by itself, must carry the login's token. Raises ``Forbidden``."""
        if not secrets.compare_digest(given.encode(), self.login.csrf.encode()):
            raise Forbidden

    def say(self, tone: Literal["good", "bad"], text: str) -> Said:
        """A text of the catalogue, or a sentence with what stands in it, in the language of the page."""
        return Said(tone, self.language.say(text))

    def confirm(self, sentences: Mapping[str, str], code: str) -> Said | None:
        """What is said above the page that a form leads to; nothing of a code that no form of the page gives."""
        return self.say("good", sentences[code]) if code in sentences else None

    def render(self, template: str, *, said: Said | None = None, status: int = 0, **values: Any) -> HTMLResponse:
        """A whole page, with what is said above its form. Its status is 422 where that is bad, unless given."""
        is_bad = said is not None and said.tone == "bad"
        return self.pages.page(
            self.request, template, self.login, status or (422 if is_bad else 200), said=said, **values
        )


Context = Annotated[RequestContext, Depends(RequestContext)]


def page_for(right: Right, *parts: Part) -> Callable[..., RequestContext]:
    """A page that needs the right. Those who see one zone, cell or party get in only where ``parts`` names it: what the
    page shows is then read by ``context.store``, which keeps to their own."""

    def check(context: Context) -> RequestContext:
        return context.check_right(right, *parts)

    return check


def form_for(right: Right, *parts: Part) -> Callable[..., RequestContext]:
    """A form's action that needs the right; ``parts`` as for a page."""

    def check(context: Context, csrf: Annotated[str, Form()] = "") -> RequestContext:
        context.check_token(csrf)
        return context.check_right(right, *parts)

    return check


def call_for(right: Right, *parts: Part) -> Callable[..., RequestContext]:
    """An API call that needs the right; ``parts`` as for a page. Where a cookie speaks for the caller, a change also
    needs ``X-CSRF-Token``."""

    def check(context: Context) -> RequestContext:
        _check_call(context)
        return context.check_right(right, *parts)

    return check


def own_form(context: Context, csrf: Annotated[str, Form()] = "") -> RequestContext:
    """A form's action for whoever is logged in: it is about nobody but them."""
    context.check_token(csrf)
    return context


def own_call(context: Context) -> RequestContext:
    """An API call for whoever is logged in. A program changes nothing about the account that it speaks for."""
    _check_call(context)
    if context.login.scopes is not None and context.request.method not in SAFE_METHODS:
        raise Forbidden
    return own_page(context)


def own_page(context: Context) -> RequestContext:
    """A page for whoever is logged in. Raises ``LoginNeeded``."""
    return context.check_login()


def _check_call(context: RequestContext) -> None:
    request = context.request
    if _bearer(request) is None and request.method not in SAFE_METHODS:
        context.check_token(request.headers.get("x-csrf-token", ""))


Reading = Annotated[RequestContext, Depends(page_for(Right.READ))]
ReadingConfig = Annotated[RequestContext, Depends(page_for(Right.CONFIG))]
ReadingZone = Annotated[RequestContext, Depends(page_for(Right.READ, Part.ZONE))]
ReadingDirectory = Annotated[RequestContext, Depends(page_for(Right.DIRECTORY, Part.CELL))]
OwnPage = Annotated[RequestContext, Depends(own_page)]
OwnForm = Annotated[RequestContext, Depends(own_form)]


def or_404(value: T | None, otherwise: str = "Not Found") -> T:
    """What somebody asked for. Raises a 404 if there is none."""
    if value is None:
        raise HTTPException(404, otherwise)
    return value


def known_device(connection: Connection, name: str) -> DeviceView:
    """Raises a 404 if none has this name."""
    return or_404(next(iter(list_devices(connection, name)), None), f"no device {name}")
