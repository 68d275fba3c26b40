"""What every request needs: the database, the services of the domains, and who is asking."""

import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse
from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.views import DeviceView, list_devices
from cloud.store.database import Clock, Store
from cloud.web.auth import Authenticator, Right, may
from cloud.web.i18n import N_ as N_
from cloud.web.i18n import Language
from cloud.web.operators import Login
from cloud.web.pages import Pages

T = TypeVar("T")

COOKIE = "hg_login"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class LoginNeeded(Exception):
    """Nobody is logged in."""


class Forbidden(Exception):
    """Somebody is, and may not do this; or the form was not made by us."""


def service(kind: type[T]) -> Callable[[Request], T]:
    """A dependency on the application's one service of this type."""

    def find(request: Request) -> T:
        instance: T = request.app.state.services[kind]
        return instance

    return find


def address(request: Request) -> str:
    """Where the request comes from, for counting wrong tries."""
    return request.client.host if request.client else ""


def secret_of(request: Request) -> str:
    """The login secret that a request carries: a bearer token, else the cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")


def maybe_login(request: Request) -> Login | None:
    secret = secret_of(request)
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
        self.store = self.service(Store)
        self.authenticator = self.service(Authenticator)
        self.pages = self.service(Pages)

    @cached_property
    def login(self) -> Login:
        """Raises ``LoginNeeded``."""
        login = maybe_login(self.request)
        if login is None:
            raise LoginNeeded
        return login

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

    def check_right(self, right: Right) -> "RequestContext":
        """The same, of somebody who has the right. Raises ``LoginNeeded`` or ``Forbidden``."""
        if not may(self.login.operator, right):
            raise Forbidden
        return self

    def check_token(self, given: str) -> None:
        """A form, or a request that a browser sends by itself, must carry the login's token. Raises ``Forbidden``."""
        if not secrets.compare_digest(given.encode(), self.login.csrf.encode()):
            raise Forbidden

    def say(self, tone: Literal["good", "bad"], text: str) -> Said:
        """A sentence in the language of the page."""
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


def page_for(right: Right) -> Callable[..., RequestContext]:
    """A page that needs the right."""

    def check(context: Context) -> RequestContext:
        return context.check_right(right)

    return check


def form_for(right: Right) -> Callable[..., RequestContext]:
    """A form's action that needs the right."""

    def check(context: Context, csrf: Annotated[str, Form()] = "") -> RequestContext:
        context.check_token(csrf)
        return context.check_right(right)

    return check


def call_for(right: Right) -> Callable[..., RequestContext]:
    """An API call that needs the right. Where a cookie speaks for the caller, a change also needs ``X-CSRF-Token``."""

    def check(context: Context) -> RequestContext:
        request = context.request
        if "authorization" not in request.headers and request.method not in SAFE_METHODS:
            context.check_token(request.headers.get("x-csrf-token", ""))
        return context.check_right(right)

    return check


Reading = Annotated[RequestContext, Depends(page_for(Right.READ))]


def or_404(value: T | None, otherwise: str = "Not Found") -> T:
    """What somebody asked for. Raises a 404 if there is none."""
    if value is None:
        raise HTTPException(404, otherwise)
    return value


def known_device(connection: Connection, name: str) -> DeviceView:
    """Raises a 404 if none has this name."""
    return or_404(next(iter(list_devices(connection, name)), None), f"no device {name}")
