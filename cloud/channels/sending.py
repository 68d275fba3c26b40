"""Sends what waits in the outbox: one try a channel at a time, all channels beside each other, none longer than its
deadline."""

import http.client
import logging
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Timer
from urllib.parse import urlsplit

from sqlalchemy import Connection

from cloud.channels import store
from cloud.channels.rule import GIVEN_UP_AFTER_MS, Channel, signature_headers, wait_ms
from cloud.channels.store import Waiting
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.line.worker import Worker
from cloud.store.database import Clock, Store

EVERY_S = 1.0
TIMEOUT_S = 5.0
DEADLINE_S = 10.0
"""For the whole answer: a receiver that sends a byte now and then never runs into a timeout."""
AT_ONCE = 8
MAX_TROUBLE = 120

Post = Callable[[str, Mapping[str, str], bytes], str]
"""Sends a body to an address under these headers; returns what went wrong, empty if the receiver took it."""
log = logging.getLogger(__name__)


def post(url: str, headers: Mapping[str, str], body: bytes) -> str:
    """One try. A redirect is a failure: what is signed for one address goes to no other. Of the answer only the status
    is read."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    is_cut = Event()
    deadline = Timer(DEADLINE_S, _cut, [line, is_cut])
    deadline.daemon = True
    deadline.start()
    try:
        line.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, dict(headers))
        status = line.getresponse().status
        if is_cut.is_set():  # what was cut looks like an answer that has ended
            return f"no whole answer within {DEADLINE_S:g} s"
    except (OSError, http.client.HTTPException, ValueError) as failure:
        return f"{type(failure).__name__}: {failure}"[:MAX_TROUBLE]
    finally:
        deadline.cancel()
        line.close()
    return "" if 200 <= status < 300 else f"HTTP {status}"


def _cut(line: http.client.HTTPConnection, is_cut: Event) -> None:
    """End a connection under whoever reads it: to close it alone would let the reader wait on."""
    is_cut.set()
    if line.sock is not None:
        with suppress(OSError):  # it has ended just now
            line.sock.shutdown(socket.SHUT_RDWR)


class Sender:
    """Sends what is due. ``post`` makes one try."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock, post: Post = post) -> None:
        self._store, self._keys, self._clock, self._post = store, keys, clock, post

    def look(self) -> None:
        """One try for every channel that has something to send and may be tried."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            site = site_of(connection).name
            due = store.due_messages(connection, site, now_ms)
            known = store.list_channels(connection, site, self._keys.numbers) if due else []
        by_id = {one.id: one for one in known}
        tries = [(by_id[one.channel], one) for one in due if one.channel in by_id]
        if not tries:
            return
        with ThreadPoolExecutor(AT_ONCE, "webhook") as threads:
            results = list(threads.map(lambda one: self._try(one[0], one[1], now_ms), tries))
        with self._store.writing() as connection:
            for (channel, message), trouble in zip(tries, results, strict=True):
                self._note(connection, site, channel, message, trouble)

    def _try(self, channel: Channel, message: Waiting, now_ms: int) -> str:
        headers = signature_headers(channel.secret, f"msg_{message.id}", now_ms // 1000, message.body)
        return self._post(channel.url, {"content-type": "application/json", **headers}, message.body)

    def _note(self, connection: Connection, site: str, channel: Channel, message: Waiting, trouble: str) -> None:
        now_ms = self._clock()
        if channel.id is None:
            return
        if not trouble:
            store.remove_message(connection, site, message.id)
            store.change_channel(connection, site, channel.id, tries=0, trouble="", failing_ms=None, next_ms=0)
            return
        log.warning("the channel %s took nothing: %s", channel.name, trouble)
        values: dict[str, object] = {"tries": channel.tries + 1, "trouble": trouble}
        values |= {"failing_ms": channel.failing_ms or now_ms, "next_ms": now_ms + wait_ms(channel.tries + 1)}
        if now_ms - message.made_ms >= GIVEN_UP_AFTER_MS:
            store.remove_message(connection, site, message.id)
            values |= {"lost": channel.lost + 1}
        store.change_channel(connection, site, channel.id, **values)


def sending_worker(store_: Store, keys: KeyFolder, clock: Clock) -> Worker[None]:
    """The thread that does so while the cloud runs."""
    look = Sender(store_, keys, clock).look
    return Worker[None]("channels", "messages are not sent", look=look, every_s=EVERY_S)
