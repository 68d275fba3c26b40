"""The web side of the cloud as one application: console, API, live stream, health."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Connection
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from cloud.accounts.domain import ACCOUNTS
from cloud.authority.domain import AUTHORITY
from cloud.authority.service import AuthorityService
from cloud.bars.domain import BARS
from cloud.bars.service import BarService
from cloud.cards.domain import CARDS
from cloud.cards.enrol import EnrolmentService
from cloud.cards.service import CardService
from cloud.cases.domain import CASES
from cloud.cases.service import CaseService
from cloud.channels.domain import CHANNELS
from cloud.channels.service import ChannelService
from cloud.charging.domain import CHARGING
from cloud.charging.hubs import HubBoard
from cloud.commands.desired import DesiredStateService
from cloud.commands.domain import COMMANDS
from cloud.commands.service import CommandService
from cloud.counters.domain import COUNTERS
from cloud.counters.service import CounterService
from cloud.devices.registry import site_of
from cloud.duties.domain import DUTIES
from cloud.duties.service import DutyService
from cloud.duties.store import duties_with_hours
from cloud.emergencies.domain import EMERGENCIES
from cloud.emergencies.service import MusterService
from cloud.exchange.domain import EXCHANGE
from cloud.exchange.export import ExportService
from cloud.exchange.pages import HeldFiles
from cloud.exchange.service import ImportService
from cloud.explain.domain import EXPLAIN
from cloud.explain.who import WhoService
from cloud.explain.why import WhyService
from cloud.flats.domain import FLATS
from cloud.flats.service import FlatService
from cloud.fleet.adoption import Adoptions
from cloud.fleet.domain import FLEET
from cloud.fleet.service import Registrar, RolloutService
from cloud.gatehouse.domain import GATEHOUSE
from cloud.gatehouse.service import GatehouseService
from cloud.guests.domain import GUESTS
from cloud.guests.service import GuestService
from cloud.hours.domain import HOURS_AND_CALENDAR
from cloud.hours.service import HoursService
from cloud.joining.domain import JOINING
from cloud.joining.service import JoinService
from cloud.keys.ca import open_authority
from cloud.keys.keys import KeyFolder
from cloud.office.domain import OFFICE
from cloud.office.moving import MovingService
from cloud.office.party_service import PartyService
from cloud.office.person_service import PersonService
from cloud.operators.domain import OPERATORS
from cloud.operators.silent_alarms import SilentAlarmService
from cloud.operators.tips import AuditTipService
from cloud.overview.api import API_STREAM
from cloud.overview.domain import OVERVIEW
from cloud.overview.event_csv import EventExportService
from cloud.overview.metrics import Metrics, metrics_token
from cloud.overview.site_reader import SiteReader
from cloud.people.domain import PEOPLE
from cloud.people.memberships import MembershipService
from cloud.people.service import PeopleService
from cloud.people.store import plans_with_hours
from cloud.permits.domain import PERMITS
from cloud.permits.service import PermitService
from cloud.phones.crowds import CrowdBoard
from cloud.phones.domain import PHONES
from cloud.phones.erasure import ErasureService
from cloud.phones.family import FamilyService
from cloud.phones.service import PhoneService
from cloud.pins.domain import PINS
from cloud.pins.service import PinService
from cloud.plans.domain import PLANS
from cloud.plans.service import PlanService
from cloud.points.demands import DemandService, points_with_hours
from cloud.points.domain import POINTS
from cloud.points.place import PointService
from cloud.points.zones import ZoneService
from cloud.quantities.domain import QUANTITIES
from cloud.redecide.domain import REDECIDE
from cloud.replay.domain import REPLAY
from cloud.replay.service import LastMonthService
from cloud.setup.domain import SETUP
from cloud.setup.service import SetupService
from cloud.setup_tables import SETUP_TABLES
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.web import errors, live, login_pages
from cloud.web.auth import Authenticator
from cloud.web.feed import LiveFeed, Source
from cloud.web.live import PageSource
from cloud.web.looks import LookService
from cloud.web.pages import ASSETS, ASSETS_OF_DOMAINS, Pages
from cloud.web.panels import PanelBoard
from cloud.web.query import check_query
from cloud.web.second_factor import SecondFactor
from cloud.web.tokens import TokenService

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
"""The longest form or API call of ours has a tenth of it."""
FEED_RESTS_S = 1.0
"""After an error of the database, before the feed looks again."""

PUBLIC = ("/hub/", "/api/v1/hubs/", "/full/")
"""What needs no login, and says itself for how long it may be kept."""
HEADERS = {
    # Nothing but our own files, no script in a page, no frame around it, no form that leads elsewhere.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


DOMAINS = (
    *(OVERVIEW, GATEHOUSE, CHANNELS, CASES, COMMANDS, POINTS, COUNTERS, EMERGENCIES, CHARGING, EXPLAIN),
    *(PEOPLE, QUANTITIES, PERMITS, JOINING, GUESTS, OFFICE, FLATS, CARDS, PHONES, BARS),
    *(PLANS, HOURS_AND_CALENDAR, DUTIES, FLEET, OPERATORS, AUTHORITY, SETUP, REPLAY, EXCHANGE, REDECIDE),
    *(PINS, ACCOUNTS),
)
"""In the order in which their entries stand in the navigation."""

STORE_AND_CLOCK = (
    *(MusterService, PointService, RolloutService, ZoneService, HubBoard, LookService, SilentAlarmService),
    *(WhoService, WhyService),
    *(PeopleService, MembershipService, PartyService, PersonService, FlatService, DutyService),
    *(EventExportService, LastMonthService),
    *(CounterService, DemandService, ErasureService, CrowdBoard, CaseService, TokenService),
)
"""Services that take nothing else."""

ROUTES = APIRouter()
for _router in (login_pages.router, live.router, *(router for domain in DOMAINS for router in domain.routers)):
    ROUTES.include_router(_router)


def create_app(
    store: Store,
    *,
    keys: KeyFolder,
    feed: LiveFeed,
    clock: Clock,
    commands: CommandService,
    desired_state: DesiredStateService,
    demo: bool,
    authenticator: Authenticator | None = None,
    figures: Metrics | None = None,
    public_url: str = "",
) -> FastAPI:
    """The application. ``commands`` and ``desired_state`` order from afar, ``clock`` gives UTC milliseconds,
    ``feed.publish`` is what ingest tells of every commit. ``public_url`` is how the world reaches the console, empty
    where nobody said.

    Raises SQLAlchemy's ``NoResultFound`` for a database without a site, ``KeysUnusable`` for a bad token of metrics.
    Whoever serves it calls ``feed.close()`` before waiting for open connections, or streams would hold it up.
    """
    with store.reading() as connection:
        site = site_of(connection)

    now = SiteReader(store, clock)
    pages = Pages(site, demo=demo, clock=clock, now=now, nav=[one for domain in DOMAINS for one in domain.nav])
    cards = CardService(store, keys, clock)
    services: dict[type, Any] = {
        **_of_domains(store, keys, clock),
        CardService: cards,
        EnrolmentService: EnrolmentService(store, keys, commands, cards, clock),
        Store: store,
        KeyFolder: keys,
        **({} if authenticator is None else {Authenticator: authenticator}),
        Pages: pages,
        LiveFeed: feed,
        CommandService: commands,
        DesiredStateService: desired_state,
        GatehouseService: GatehouseService(store, keys, clock, desired_state),
        Metrics: figures or Metrics(store, clock, feed),
    }
    board = PanelBoard([panel for domain in DOMAINS for panel in domain.panels], services, clock)
    live_pages = [page for domain in DOMAINS for page in domain.live]
    app = _bare_application()
    app.state.clock = clock
    app.state.services = services | {
        PanelBoard: board,
        PageSource: PageSource(store, pages, board, live_pages, API_STREAM),
    }
    app.state.public_url = public_url
    app.state.metrics_token = metrics_token(keys.folder)
    for name, folder in ASSETS_OF_DOMAINS.items():
        app.mount(f"/assets/{name}", StaticFiles(directory=folder))
    app.mount("/assets", StaticFiles(directory=ASSETS))
    app.include_router(ROUTES, dependencies=[Depends(check_query)])
    errors.install(app, {kind: status for domain in DOMAINS for kind, status in domain.refusals.items()})
    for kind, answer in (one for domain in DOMAINS for one in domain.answers.items()):
        app.add_exception_handler(kind, answer)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)  # It leaves event streams alone.
    app.add_middleware(Guarded)
    return app


def _of_domains(store: Store, keys: KeyFolder, clock: Clock) -> dict[type, Any]:
    """The services that need nothing beside the database, the keys and the clock. Raises ``KeysUnusable``."""
    setup, phones = SetupService(store, clock, SETUP_TABLES), PhoneService(store, keys, clock)
    permit_service, second_factor = PermitService(store, keys, clock), SecondFactor(store, keys.numbers, clock)
    return {
        SecondFactor: second_factor,
        Authenticator: Authenticator(store, clock, second_factor=second_factor),
        **{kind: kind(store, clock) for kind in STORE_AND_CLOCK},
        BarService: BarService(store, keys, clock),
        AuthorityService: AuthorityService(store, keys, clock),
        MovingService: MovingService(store, clock, [step for domain in DOMAINS for step in domain.moving]),
        HoursService: HoursService(store, clock, _users_of_hours),
        SetupService: setup,
        PhoneService: phones,
        PermitService: permit_service,
        JoinService: JoinService(store, keys, clock),
        GuestService: GuestService(store, keys, clock),
        FamilyService: FamilyService(store, clock, phones),
        PlanService: PlanService(store, setup),
        Registrar: Registrar(store, keys, open_authority(keys.folder, clock()), keys.folder.parent, clock),
        AuditTipService: AuditTipService(store, keys.folder.parent, clock),
        Adoptions: Adoptions(),
        HeldFiles: HeldFiles(),
        **{kind: kind(store, keys, clock) for kind in (PinService, ImportService, ExportService, ChannelService)},
    }


def _users_of_hours(connection: Connection, hours: str) -> list[Label]:
    """What hours cannot be removed for."""
    site = site_of(connection).name
    return [
        *plans_with_hours(connection, hours),
        *duties_with_hours(connection, site, hours),
        *points_with_hours(connection, hours),
    ]


def _bare_application() -> FastAPI:
    return FastAPI(
        title="Hearthgate",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        max_body_size=MAX_BODY_BYTES,
        # Its record of what was wrong with a request would hold the request: names, card numbers, passwords.
        telemetry={"logs": False},
        lifespan=_feeding,
    )


@asynccontextmanager
async def _feeding(app: FastAPI) -> AsyncIterator[None]:
    feeding = asyncio.create_task(_feed_on(app.state.services[LiveFeed], app.state.services[PageSource]))
    yield
    feeding.cancel()
    with suppress(asyncio.CancelledError):
        await feeding


async def _feed_on(feed: LiveFeed, source: Source) -> None:
    """The boundary that keeps the stream alive: an error is recorded, and the feed goes on from where it was."""
    while True:
        try:
            await feed.run(source)
        except Exception:
            log.exception("the live feed stopped; it starts again")
            await asyncio.sleep(FEED_RESTS_S)


def has_two_lengths(headers: Headers) -> bool:
    """Whether a request says in two ways how long it is: a proxy before us may believe the other one, and take a part
    of it for a request of its own."""
    return "content-length" in headers and "transfer-encoding" in headers


class Guarded:
    """Puts the security headers on every answer, and keeps all but styles, scripts and what is public out of every
    cache."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if scope.get("scheme") == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                is_asset = scope["path"].startswith("/assets/") and scope["query_string"]
                if is_asset:
                    headers["Cache-Control"] = "public, max-age=31536000, immutable"
                elif not (scope["path"].startswith(PUBLIC) and "Cache-Control" in headers):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        if scope["type"] == "http" and has_two_lengths(Headers(scope=scope)):
            refused = PlainTextResponse("content-length and transfer-encoding", 400, {"Connection": "close"})
            await refused(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)
