"""What a domain of the cloud brings to the web."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from msgspec import Struct
from sqlalchemy import Connection

from cloud.web.auth import Right


class Nav(Struct, frozen=True):
    """An entry of the console's navigation, for those who have the right. Entries stand in the order of ``place``;
    those that are ``seldom`` needed stand under More."""

    place: int
    path: str
    text: str
    seldom: bool = False
    right: Right = Right.READ


class Panel(Struct, frozen=True):
    """A piece of another domain's page: the page it is for, its template, and what ``look`` finds for that. ``look`` is
    given what the page is about."""

    page: str
    template: str
    look: Callable[[Connection, Any], Mapping[str, object]]


class Domain(Struct, frozen=True):
    """``refusals`` are exceptions of its use cases, each with the status of its answer under the API."""

    routers: tuple[APIRouter, ...]
    nav: tuple[Nav, ...] = ()
    panels: tuple[Panel, ...] = ()
    refusals: Mapping[type[Exception], int] = {}


def panels_for(request: Request, page: str) -> list[Panel]:
    """What all domains bring for a page, in their order."""
    brought: list[Panel] = request.app.state.panels
    return [panel for panel in brought if panel.page == page]
