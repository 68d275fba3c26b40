"""The gate in virtual time, and the pages of telephones over its database: they are opened by a real browser."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from fastapi import FastAPI

from cloud.app import create_app
from cloud.commands.desired import DesiredStateService
from cloud.commands.service import CommandService
from cloud.keys.ca import open_authority
from cloud.keys.keys import KeyFolder
from cloud.line.sealed_channel import SealedChannel
from cloud.sample import SITE
from cloud.web.certificate import CertificateFiles
from cloud.web.connections import Connections
from cloud.web.feed import LiveFeed
from cloud.web.web_server import WebServer, listening_on, web_config
from firmware_sim.time.clock import VirtualLoop
from tests.cloud.support.web_server import web_server
from tests.scenarios.gate import Gate

T = TypeVar("T")


class EstateOnAPhone:
    """A gate whose time stands still while the browser is used. ``with`` opens it, and closes what was opened.

    Its loop lives in a thread of its own: Playwright's counts as running in that of the test. With ``https`` the pages
    are served as ``serve --cert --key`` serves them."""

    def __init__(self, folder: Path, *, https: bool = False) -> None:
        self._folder, self._https = folder, https
        self._stack = ExitStack()
        self._thread = ThreadPoolExecutor(1, "virtual time")
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)

    def __enter__(self) -> Self:
        self.gate = self.run(self._open)
        self._feed = LiveFeed()
        store, clock = self.gate.town.cloud.store, self.gate.town.now_ms
        keys = KeyFolder(self.gate.town.cloud.folder / "keys")
        command = SealedChannel(_not_sent, SITE.name, "command", keys.command)
        config = SealedChannel(_not_sent, SITE.name, "config", keys.config)
        app = create_app(
            store,
            keys=keys,
            feed=self._feed,
            clock=clock,
            commands=CommandService(store, command, connected=lambda: False, clock=clock),
            desired_state=DesiredStateService(store, config, clock),
            demo=False,
        )
        if self._https:
            self.url = self._stack.enter_context(_served_by_tls(app, keys, clock, self._folder, self._feed))
        else:
            self.url = web_server().open(app)
            self._stack.callback(web_server().close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._feed.close()
        self._stack.close()
        self.run(lambda: self.gate.__aexit__(kind, error, trace))
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def run(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Have something happen at the gate; time goes on until it is done."""
        return self._thread.submit(lambda: self._runner.run(act())).result()

    def link_for(self, name: str) -> str:
        """The way to the page that registers somebody's telephone."""
        with self.gate.town.cloud.reading() as connection:
            person = connection.exec_driver_sql("SELECT id FROM people WHERE name_en = ?", (name,)).scalar_one()
        return f"/phone/{self.gate.phones.make_link('lin', int(person))}"

    async def _open(self) -> Gate:
        return await Gate(self._folder).__aenter__()


@contextmanager
def _served_by_tls(
    app: FastAPI, keys: KeyFolder, clock: Callable[[], int], folder: Path, feed: LiveFeed
) -> Iterator[str]:
    pair = open_authority(keys.folder, clock()).server(["127.0.0.1"], clock())
    file = folder / "console.pem"
    file.write_text(pair.key + pair.certificate)
    table, certificate = Connections(64, clock), CertificateFiles(file)
    with listening_on("127.0.0.1", 0, table) as listening:
        server = WebServer(web_config(app, table, certificate=certificate), feed, [], table, certificate)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _not_sent(topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Nobody orders anything from these pages."""
