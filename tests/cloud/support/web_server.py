"""One web server for all tests of a process. To start one for each, and to let the framework work out every route anew
at its first request, takes longer than most tests.
"""

import asyncio
import atexit
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

PATIENCE_S = 20.0


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, listens: threading.Event) -> None:
        super().__init__(config)
        self._listens = listens

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listens.set()


class WebServer:
    """Serves one community at a time on a loopback port, in a thread of its own. The routes of all are the same: they
    are those of the first application, and each community brings its state."""

    def __init__(self) -> None:
        config = uvicorn.Config(
            self._call, port=0, interface="asgi3", log_config=None, server_header=False, lifespan="off"
        )
        self._started = threading.Event()
        self._server = _Server(config, self._started)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="web server", daemon=True)
        self._routes: FastAPI | None = None
        self._is_open = False
        self._requests = 0
        self._thread.start()
        assert self._started.wait(PATIENCE_S), "the server did not start"

    def open(self, app: FastAPI) -> str:
        """Start what the application does by itself, and serve it. Returns its address."""
        assert not self._is_open, "another application is served"
        self._is_open = True
        self._routes = self._routes or app
        self._routes.state = app.state
        self._threads = ThreadPoolExecutor(thread_name_prefix="web")
        self._loop.set_default_executor(self._threads)
        self._lifespan = app.router.lifespan_context(app)
        self._run(self._lifespan.__aenter__())
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def close(self) -> None:
        """Returns when every request is answered and the application has ended."""
        self._is_open = False
        self._run(self._answered())
        self._run(self._lifespan.__aexit__(None, None, None))
        self._threads.shutdown()  # what was cancelled reads on in its thread, and gives its connection back

    def end(self) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(PATIENCE_S)

    def _run(self, part: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(part, self._loop).result(PATIENCE_S)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()
        await self._server.serve()

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._is_open and self._routes, "a request came when nothing was served"
        self._requests += 1
        self._idle.clear()
        try:
            await self._routes(scope, receive, send)
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()

    async def _answered(self) -> None:
        await self._idle.wait()


@lru_cache
def web_server() -> WebServer:
    """The server of this process; it ends with the process."""
    made = WebServer()
    atexit.register(made.end)
    return made
