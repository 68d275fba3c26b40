"""Drops a device's live connection at the broker, for good.

Mosquitto judges a certificate when a connection is made and never again: a revoked one keeps its connection, whatever
mosquitto reads again (seen with 2.0.11). But a name can be connected only once, and the name comes from the
certificate: so the authority makes itself one in the device's name and connects, which ends the other connection. That
is done only after the broker has been seen to refuse a certificate of the new list, so that the device cannot return.
"""

import ssl
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cloud.keys.ca import Authority, Pair
from cloud.line.broker_tls import context_of, show
from contract.decide import HOUR_MS

TRIES = 20
PAUSE_S = 1.0
"""``broker.sh`` looks once a second whether the list has changed."""
GREETS_WITHIN_S = 5.0
LASTS_MS = HOUR_MS


class Probe(Struct, frozen=True):
    """Two certificates in a device's name: one that is on the new list, and one that is not."""

    revoked: Pair
    good: Pair


def make_probe(authority: Authority, device: str, now_ms: int) -> Probe:
    return Probe(*(authority.client(device, now_ms, LASTS_MS) for _ in range(2)))


def cut_off(url: str, authority: Authority, probe: Probe, scratch: Path) -> bool:
    """Whether the broker has taken up the list and ended the connection of the probe's name. Takes some seconds."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or 8883
    for _ in range(TRIES):
        if not _is_greeted(host, port, _context(authority, probe.revoked, scratch)):
            return _is_greeted(host, port, _context(authority, probe.good, scratch))
        time.sleep(PAUSE_S)
    return False


def _context(authority: Authority, pair: Pair, scratch: Path) -> ssl.SSLContext:
    context = context_of(authority)
    show(context, pair, scratch)
    return context


def _is_greeted(host: str, port: int, context: ssl.SSLContext) -> bool:
    """Whether the broker lets this certificate in. It is out again at once."""
    answered = threading.Event()
    greeted = []

    def on_connect(_client: Client, _data: object, _flags: object, reason: object, _properties: object) -> None:
        greeted.append(not getattr(reason, "is_failure", True))
        answered.set()

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False)
    client.tls_set_context(context)
    client.on_connect = on_connect
    client.on_disconnect = lambda *_: answered.set()
    try:
        client.connect(host, port)
    except OSError:
        return False
    client.loop_start()
    answered.wait(GREETS_WITHIN_S)
    client.disconnect()
    client.loop_stop()
    return greeted == [True]
