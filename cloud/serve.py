"""The running cloud: broker, ingest, publisher and web, put together and taken apart."""

import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from cloud.app import create_app
from cloud.cards.assurances import note_assurances
from cloud.cards.enrol import EnrolmentService
from cloud.cards.service import CardService
from cloud.cards.unused import UseCounter
from cloud.cases.watch import watch_worker
from cloud.channels.calling import calling_worker
from cloud.channels.sending import sending_worker
from cloud.commands.desired import DesiredStateService
from cloud.commands.service import CommandService
from cloud.counters.news import ZoneNewsPublisher
from cloud.counters.service import CounterService, counting_worker
from cloud.devices.registry import site_of
from cloud.fleet.renewals import Renewals
from cloud.fleet.rolling import Rolling
from cloud.fleet.service import Registrar
from cloud.ingest.ingest import Ingest
from cloud.joining.service import join_worker
from cloud.keys.broker_names import CLOUD
from cloud.keys.ca import Authority, open_authority
from cloud.keys.folder import clock, open_folder, sole_server
from cloud.keys.keys import KeyFolder, write_private
from cloud.line.broker import Arrived, Broker, BrokerAddress, Lookout
from cloud.line.broker_tls import BrokerIdentity
from cloud.line.sealed_channel import SealedChannel
from cloud.line.worker import Worker
from cloud.operators.tips import tip_worker
from cloud.overview.metrics import Metrics, Workings
from cloud.people.pass_terms import note_signer
from cloud.people.publisher import Publisher
from cloud.permits.watch import permit_worker
from cloud.phones.expiry import EXPIRIES
from cloud.quantities.lender import Lender
from cloud.reactions import REACTIONS
from cloud.redecide.service import redecide_worker
from cloud.retention.service import retention_worker
from cloud.store.database import Store
from cloud.web.certificate import CertificateFiles
from cloud.web.connections import Connections, most_connections
from cloud.web.feed import LiveFeed
from cloud.web.web_server import WebServer, listening_on, monotonic_ms, raise_descriptor_limit, web_config
from contract import topics
from service.loading import loading
from service.notify import Through

SWITCH_S = 0.0005
"""How long a thread that computes may keep the others waiting: ingest comes back from every wait for the disk, and
should not stand behind a page for Python's usual 5 ms."""
ENROLMENTS_EVERY_S = 0.5
"""A clerk and somebody with a card stand at the reader until then."""
USES_EVERY_S = 60.0
MODES_EVERY_S = 5.0
"""How long the cloud may go on to desire a mode that its device has ended by itself."""

log = logging.getLogger(__name__)


class DeviceSide:
    """The device side of the cloud: everything between the broker and the database."""

    def __init__(
        self,
        store: Store,
        keys: KeyFolder,
        registrar: Registrar,
        address: BrokerAddress,
        feed: LiveFeed,
        figures: Metrics,
    ) -> None:
        with store.reading() as connection:
            site = site_of(connection).name
        filters = [topics.up(site, "+", channel) for channel in topics.UP_CHANNELS]
        self._identity = BrokerIdentity(registrar.authority, CLOUD, keys.folder, clock) if address.tls else None
        tls = self._identity.context if self._identity else None
        self.broker = Broker(address, filters, self._arrived, self._connected, tls)
        self.ingest = Ingest(
            store,
            site=site,
            reactions=REACTIONS,
            sync=keys.sync,
            send=self.broker.publish,
            on_commit=feed.publish,
            clock=clock,
            timed=figures.timed,
            counted=figures.count,
        )
        publish = self.broker.publish
        self.publisher = Publisher(
            store, SealedChannel(publish, site, "roster", keys.roster), publish=publish, clock=clock
        )
        store.on_roster_change = self.publisher.look_soon
        self.desired_state = DesiredStateService(store, SealedChannel(publish, site, "config", keys.config), clock)
        self.lender = Lender(store, site=site, sync=keys.sync, publish=publish, clock=clock)
        self.zone_news = ZoneNewsPublisher(store, site=site, sync=keys.sync, publish=publish, clock=clock)
        self.rolling = Rolling(store, self.desired_state, clock)
        to_devices = SealedChannel(publish, site, "command", keys.command)
        self.commands = CommandService(store, to_devices, connected=lambda: self.broker.is_connected, clock=clock)
        self.renewals = Renewals(
            store, registrar, site=site, publish=publish, look_after=lambda: self._look_after(registrar), clock=clock
        )
        self._reminder = Worker[None](
            "reminder", "the devices were not told how they are to be", look=self.desired_state.publish_all
        )
        self._modes = Worker[None](
            "modes", "a mode is not ended", look=self.desired_state.end_due, every_s=MODES_EVERY_S
        )
        self._workers: list[Worker[Any]] = [
            *_card_workers(store, keys, self.commands),
            self._modes,
            self.ingest,
            self.publisher,
            self.renewals,
            self.lender,
            self.zone_news,
            self.rolling,
            self._reminder,
            *_store_workers(store, keys, site),
            _lookout(self.broker),
            watch_worker(store, clock, lambda: self.broker.trouble),
        ]

    @contextmanager
    def open(self) -> Iterator[None]:
        for worker in self._workers:
            worker.start()
        self.broker.start()
        try:
            yield
        finally:
            self.broker.stop()
            for worker in reversed(self._workers):
                worker.stop()

    @property
    def pulses(self) -> list[Through]:
        """A way through each of its threads."""
        return [worker.pulse for worker in self._workers]

    def workings(self) -> Workings:
        """How its threads are doing."""
        failures = {worker.name: worker.failures for worker in self._workers} | {"broker": self.broker.faults}
        dropped = self.ingest.dropped + self.broker.oversized
        publisher = self.publisher
        return Workings(
            self.broker.is_connected,
            self.ingest.queued,
            dropped,
            failures,
            publisher.undeliverable,
            publisher.left_out,
            publisher.withheld,
        )

    def _arrived(self, message: Arrived) -> None:
        others = {"want": self.publisher.put, "renew": self.renewals.put, "usage": self.lender.put}
        others.get(message.topic.channel, self.ingest.enqueue)(message)

    def _connected(self) -> None:
        self.ingest.look_soon()
        self.publisher.connected()
        self.zone_news.connected()
        self._reminder.look_soon()

    def _look_after(self, registrar: Registrar) -> None:
        """Certificates that serve the line end too; a connection that stands is not touched."""
        registrar.look_after()
        if self._identity is not None:
            self._identity.refresh()


def _card_workers(store: Store, keys: KeyFolder, commands: CommandService) -> list[Worker[None]]:
    """The threads that enrol cards which devices read, and that count which cards are used."""
    enrolling = EnrolmentService(store, keys, commands, CardService(store, keys, clock), clock)
    uses = UseCounter(store)
    return [
        Worker[None]("enrolments", "a card is not enrolled", look=enrolling.settle, every_s=ENROLMENTS_EVERY_S),
        Worker[None]("card_uses", "the use of cards is not counted", look=uses.count, every_s=USES_EVERY_S),
    ]


def _store_workers(store: Store, keys: KeyFolder, site: str) -> list[Worker[Any]]:
    """The threads that need nothing but the database."""
    return [
        counting_worker(CounterService(store, clock)),
        redecide_worker(store, site),
        retention_worker(store, site, clock, EXPIRIES),
        permit_worker(store, clock),
        join_worker(store, clock),
        tip_worker(store, keys.folder.parent, clock),
        calling_worker(store, keys, clock),
        sending_worker(store, keys, clock),
    ]


def _lookout(broker: Broker) -> Worker[None]:
    look = Lookout(lambda: broker.trouble).look
    return Worker[None]("lookout", "nobody looks whether the broker is there", look=look, every_s=Lookout.EVERY_S)


def serve(
    folder: Path,
    address: BrokerAddress,
    host: str,
    port: int,
    *,
    demo: bool,
    names: Sequence[str] = (),
    certificate: CertificateFiles | None = None,
    proxies: Sequence[str] = (),
    public_url: str = "",
) -> None:
    """Run until SIGTERM or SIGINT. With a ``certificate`` the console speaks HTTPS by that; with ``names`` by one of
    the community's own authority, under these host names. Only ``proxies`` are believed about whom they speak for.
    ``public_url`` stands on what is printed.

    Raises ``FolderUnusable``, ``KeysUnusable``, ``PortTaken`` or ``BadCertificate``.
    """
    if certificate is not None:
        certificate.check(clock())
    sys.setswitchinterval(SWITCH_S)
    table = Connections(most_connections(raise_descriptor_limit()), monotonic_ms)
    with sole_server(folder), open_folder(folder) as (store, keys), listening_on(host, port, table) as listening:
        feed = LiveFeed()
        figures = Metrics(store, clock, feed)
        authority = open_authority(keys.folder, clock())
        note_assurances(store, keys)
        note_signer(store, keys, clock())
        side = DeviceSide(store, keys, Registrar(store, keys, authority, folder, clock), address, feed, figures)
        figures.workings = side.workings
        with loading():
            app = create_app(
                store,
                keys=keys,
                feed=feed,
                clock=clock,
                commands=side.commands,
                desired_state=side.desired_state,
                demo=demo,
                figures=figures,
                public_url=public_url,
            )
        if names:
            certificate = _console_certificate(authority, keys.folder, names)
        config = web_config(app, table, certificate=certificate, proxies=proxies)
        with side.open():
            log.info("serving on %s://%s:%d/", "https" if certificate else "http", *listening.getsockname()[:2])
            _run(WebServer(config, feed, side.pulses, table, certificate), listening)


def _console_certificate(authority: Authority, folder: Path, names: Sequence[str]) -> CertificateFiles:
    """A new certificate at every start; one lasts longer than a server goes without a restart."""
    pair = authority.server(names, clock())
    file = folder / "console.pem"
    write_private(file, pair.key + pair.certificate)
    return CertificateFiles(file)


def _run(server: uvicorn.Server, listening: socket.socket) -> None:
    # uvicorn raises the signal that stopped it once more when it is done; with its own handlers gone, that would kill
    # the process before ingest has taken what is queued.
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[listening])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
