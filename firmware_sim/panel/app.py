"""The panel as a web application, for this machine alone."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from contract.kinds import kind_of
from firmware_sim.control.control import BoardGone
from firmware_sim.panel.actions import carry_out, command_of, pull_or_plug
from firmware_sim.panel.watch import Watch, look
from firmware_sim.panel.words import THINGS, point_name, say, sentences, shown_words
from firmware_sim.panel.world import Card, HeldText, PanelDevice, Part
from firmware_sim.parts.hardware import ControlError
from firmware_sim.parts.scanning import MAX_TEXT

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
COOKIE = "hg_panel_lang"
MAX_VIEWERS = 16
"""Pages that are kept up to date; each is a connection that stays open."""
PING_EVERY_S = 15.0
"""So often a page hears something where nothing changes: a panel that is frozen does not look live."""
HEADERS = {
    # Nothing but our own files, no script in a page, no frame around it, no form that leads elsewhere.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

Language = Literal["en", "zh"]


def create_panel(devices: Mapping[str, PanelDevice], cards: Sequence[Card], texts: Sequence[HeldText] = ()) -> FastAPI:
    """The application: devices by name, in the order in which they are shown, and the cards, passes and codes to try.

    It looks at the boards only while somebody looks at the page.

    Serve it on loopback: whoever reaches it holds every card. A stream stays open for as long as a page is shown: call
    ``app.state.end_streams`` before the server ends, and give it a time limit all the same.
    """
    panel = Panel(devices, cards, texts)
    app = FastAPI(title="Hearthgate panel", openapi_url=None)
    app.state.end_streams = panel.watch.close
    app.middleware("http")(_guard)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)  # It leaves event streams alone.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    app.mount("/assets", StaticFiles(directory=ASSETS))
    app.get("/")(panel.page)
    app.get("/live", response_class=EventSourceResponse)(panel.live)
    app.post("/devices/{name}/order")(panel.order)
    app.post("/devices/{name}/{part}/{state}")(panel.plug)
    return app


class Panel:
    """The handlers, and what they share."""

    def __init__(
        self, devices: Mapping[str, PanelDevice], cards: Sequence[Card], texts: Sequence[HeldText] = ()
    ) -> None:
        self._devices, self._cards, self._texts = devices, cards, texts
        self.watch = Watch(devices)
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def page(self, request: Request) -> HTMLResponse:
        """The page as things stand; without scripts its buttons work all the same."""
        language, devices = _language(request), self._devices.values()
        looks = await asyncio.gather(*(look(device) for device in devices))
        page = self._templates.get_template("panel.html").render(
            language=language,
            say=partial(say, language=language),
            named=partial(point_name, language=language),
            called=lambda kind: kind_of(kind).noun.one.in_language(language),
            order=lambda **order: msgspec.json.encode(order).decode(),
            cards=self._cards,
            devices=list(zip(devices, looks, strict=True)),
            things=THINGS if any("socket" in point for look in looks for point in look["points"].values()) else {},
            texts=self._texts,
            has_scanner=any(point["scanners"] for look in looks for point in look["points"].values()),
            words={"say": sentences(language), "shown": shown_words(language), "things": THINGS},
            said=request.query_params.get("said", ""),
            version=asset_version(),
        )
        response = HTMLResponse(page)
        if request.query_params.get("lang") == language:
            response.set_cookie(COOKIE, language, samesite="lax")
        return response

    async def live(self) -> AsyncGenerator[ServerSentEvent, None]:
        """Each device when it has changed, beginning with all of them."""
        if self.watch.viewers >= MAX_VIEWERS:
            yield ServerSentEvent(event="full", data={})
            return
        number = 0
        async with self.watch.looking():
            while not self.watch.closed:
                try:
                    number, changed = await asyncio.wait_for(self.watch.after(number), PING_EVERY_S)
                except TimeoutError:
                    yield ServerSentEvent(event="ping", data={})
                    continue
                for snapshot in changed:
                    yield ServerSentEvent(event="device", data=snapshot)

    async def order(
        self,
        request: Request,
        name: str,
        order: Annotated[str, Form(max_length=1000)],
        card: Annotated[str, Form(max_length=200)] = "",
        thing: Annotated[str, Form(max_length=40)] = "",
        walk: Annotated[str, Form(max_length=10)] = "",
        pin: Annotated[str, Form(max_length=8)] = "",
        text: Annotated[str, Form(max_length=MAX_TEXT)] = "",
        held: Annotated[int | None, Form(ge=0, le=99)] = None,
    ) -> Response:
        """Something is done at a device's board."""
        language = _language(request)

        async def act() -> str:
            ready = None if held is None else next(iter(self._texts[held : held + 1]), None)
            shown = text if ready is None else ready.text()
            command = command_of(order, card, thing, pin=pin, text=shown, walks=bool(walk), language=language)
            return await carry_out(self._cards, self._devices[name].control, command, card, language)

        return await self._do(request, name, act)

    async def plug(self, request: Request, name: str, part: Part, state: Literal["in", "out"]) -> Response:
        """A cable, or the plug of a process, is pulled or put back."""

        async def act() -> str:
            await pull_or_plug(self._devices[name], part, plugged_in=state == "in")
            return say("Done.", _language(request))

        return await self._do(request, name, act)

    async def _do(self, request: Request, name: str, act: Callable[[], Awaitable[str]]) -> Response:
        if name not in self._devices:
            return _answer(request, 404, say("There is no such device.", _language(request)))
        self.watch.nudge(name)
        try:
            return _answer(request, 200, await act())
        except ControlError as refused:
            return _answer(request, 422, str(refused))
        except BoardGone:
            return _answer(request, 503, say("This board does not answer.", _language(request)))
        finally:
            self.watch.nudge(name)


def _answer(request: Request, status: int, said: str) -> Response:
    """To a script what was said; to a plain form the page again, with it."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"said": said}, status)
    return RedirectResponse(str(request.url_for("page").include_query_params(said=said)), status_code=303)


def _language(request: Request) -> Language:
    accepted = request.headers.get("accept-language", "en")
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE), accepted):
        if wish:
            return "zh" if wish.startswith("zh") else "en"
    return "en"


async def _guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Another site's page may not press our buttons in this browser."""
    origin = request.headers.get("origin")
    if request.method == "POST" and origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return JSONResponse({"said": "only this page presses these buttons"}, 403)
    response = await answer(request)
    response.headers.update(HEADERS)
    return response


@lru_cache
def asset_version() -> str:
    """Changes whenever a style or a script does, so that a browser never shows an old one."""
    content = b"".join(file.read_bytes() for file in sorted(ASSETS.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]
