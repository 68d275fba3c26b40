"""The console of a community that lived in virtual time, opened behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud.app import create_app
from cloud.commands.desired import DesiredStateService
from cloud.commands.service import CommandService
from cloud.keys.folder import open_folder
from cloud.line.sealed_channel import SealedChannel
from cloud.sample import SITE
from cloud.web.auth import Authenticator, Role
from cloud.web.feed import LiveFeed
from tests.cloud.support.town import NO_TLS, PASSWORD, QUICK, Visitor
from tests.cloud.support.web_server import web_server


def _nobody_listens(topic: str, payload: bytes, *, retain: bool = False) -> None:
    """The broker is gone with the devices."""


@contextmanager
def console_of(folder: Path, now_ms: int) -> Iterator[Visitor]:
    """An administrator who has logged in at that moment to the console of the community in a folder."""
    with open_folder(folder) as (store, keys):
        authenticator = Authenticator(store, lambda: now_ms, QUICK)
        authenticator.add_operator("admin", PASSWORD, Role.ADMIN, "setup")
        channels = (
            SealedChannel(_nobody_listens, SITE.name, role, getattr(keys, role)) for role in ("command", "config")
        )
        command, config = channels
        app = create_app(
            store,
            keys=keys,
            feed=LiveFeed(),
            clock=lambda: now_ms,
            commands=CommandService(store, command, connected=lambda: False, clock=lambda: now_ms),
            desired_state=DesiredStateService(store, config, lambda: now_ms),
            demo=False,
            authenticator=authenticator,
        )
        url = web_server().open(app)
        headers = {"Accept-Language": "en"}
        try:
            with Visitor(base_url=url, headers=headers, timeout=10, verify=NO_TLS) as visitor:
                assert visitor.log_in().status_code == 303
                yield visitor
        finally:
            web_server().close()
