"""What every request needs: the database, the services of the domains, and who is asking."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Form, HTTPException, Request
from sqlalchemy import Connection

from cloud.devices.views import DeviceView, list_devices
from cloud.store.database import Clock, Store
from cloud.web.auth import Authenticator, Right, may
from cloud.web.operators import Login

T = TypeVar("T")

COOKIE = "hg_login"
N_ = str
"""Marks a text for the catalogue where it is chosen before the language is known."""
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class RequestContext:
    """What all requests share. What only a domain needs is a service of its own: see ``service``."""

    store: Store
    clock: Clock
    authenticator: Authenticator


class LoginNeeded(Exception):
    """Nobody is logged in."""


class Forbidden(Exception):
    """Somebody is, and may not do this; or the form was not made by us."""


def context(request: Request) -> RequestContext:
    found: RequestContext = request.app.state.context
    return found


def service(kind: type[T]) -> Callable[[Request], T]:
    """A dependency on the application's one service of this type."""

    def find(request: Request) -> T:
        found: T = request.app.state.services[kind]
        return found

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
    return context(request).authenticator.login_of(secret) if secret else None


def any_login(request: Request) -> Login:
    login = maybe_login(request)
    if login is None:
        raise LoginNeeded
    return login


def check_token(given: str, login: Login) -> None:
    """A form, or a request that a browser sends by itself, must carry the login's token. Raises ``Forbidden``."""
    if not secrets.compare_digest(given.encode(), login.csrf.encode()):
        raise Forbidden


def check_right(login: Login, right: Right) -> Login:
    """Raises ``Forbidden`` for somebody who has not got it."""
    if not may(login.operator, right):
        raise Forbidden
    return login


def page_for(right: Right) -> Callable[..., Login]:
    """A page that needs the right."""

    def check(login: Annotated[Login, Depends(any_login)]) -> Login:
        return check_right(login, right)

    return check


def form_for(right: Right) -> Callable[..., Login]:
    """A form's action that needs the right."""

    def check(login: Annotated[Login, Depends(any_login)], csrf: Annotated[str, Form()] = "") -> Login:
        check_token(csrf, login)
        return check_right(login, right)

    return check


def call_for(right: Right) -> Callable[..., Login]:
    """An API call that needs the right. Where a cookie speaks for the caller, a change also needs ``X-CSRF-Token``."""

    def check(request: Request, login: Annotated[Login, Depends(any_login)]) -> Login:
        by_browser = "authorization" not in request.headers
        if by_browser and request.method not in SAFE_METHODS:
            check_token(request.headers.get("x-csrf-token", ""), login)
        return check_right(login, right)

    return check


def there(found: T | None, otherwise: str = "Not Found") -> T:
    """What somebody asked for. Raises a 404 if there is none."""
    if found is None:
        raise HTTPException(404, otherwise)
    return found


def known_device(connection: Connection, name: str) -> DeviceView:
    """Raises a 404 if none has this name."""
    return there(next(iter(list_devices(connection, name)), None), f"no device {name}")


AnyLogin = Annotated[Login, Depends(any_login)]
Reading = Annotated[Login, Depends(page_for(Right.READ))]
Context = Annotated[RequestContext, Depends(context)]
