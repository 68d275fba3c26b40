"""The cloud in virtual time: the shipped ingest, publisher and store, run by the world's loop instead of threads."""

from asyncio import TimerHandle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection

from cloud.cards.enrol import EnrolmentService
from cloud.cards.service import CardService
from cloud.commands.desired import DesiredStateService
from cloud.commands.service import CommandService
from cloud.counters.news import LOOK_S as ZONES_WAIT_S
from cloud.counters.news import ZoneNewsPublisher
from cloud.counters.service import CounterService
from cloud.devices.registry import register
from cloud.fleet.rolling import Rolling
from cloud.fleet.service import RolloutService
from cloud.fleet.store import live_rollout
from cloud.ingest.ingest import Ingest
from cloud.keys.folder import make_folder, open_folder
from cloud.keys.keys import write_secret
from cloud.line.broker import Arrived
from cloud.line.sealed_channel import SealedChannel
from cloud.people.pass_terms import note_signer
from cloud.people.publisher import Publisher
from cloud.permits.service import PermitService
from cloud.pins.service import PinService
from cloud.points.demands import DemandService
from cloud.points.store import add_point, has_point
from cloud.quantities.lender import Lender
from cloud.reactions import REACTIONS
from cloud.sample import SITE, seed_sample
from cloud.setup.document import SetupFile
from cloud.store.database import Store
from contract import topics
from contract.sealing import KEY_BYTES
from edge.config.device_config import DeviceConfig
from edge.identity.identity import Identity
from firmware_sim.network.virtual_mqtt import VirtualBroker, VirtualLink
from firmware_sim.time.process_loop import ProcessLoop, ended_loop

COMMIT_S = 0.004
"""How long a transaction takes; what comes meanwhile is in the next one."""
BEATS_WAIT_S = 10.0
"""Nobody waits for a beat, and a transaction is most of what it costs: so it waits for company."""
ROLL_S = 5.0
"""How often a roll-out is looked at: less often than by the real cloud, as each look costs two transactions."""
LOOK_S = 60.0
"""How often the publisher looks whether its last issue is getting old. Of changes it is told."""


class VirtualCloud:
    """One community's cloud, of the sample's setup or of another. ``start`` and ``kill`` are those of its process; its
    folder outlives them.

    Its secrets are drawn from the broker's seed, so that the same seed gives the same digests.
    """

    def __init__(
        self,
        folder: Path,
        broker: VirtualBroker,
        now_ms: Callable[[], int],
        setup: SetupFile | None = None,
    ) -> None:
        self.folder, self._setup = folder, setup
        self._world, self._now_ms = broker.loop, now_ms
        self._chance = broker.random("cloud")
        filters = [topics.up(SITE.name, "+", channel) for channel in topics.UP_CHANNELS]
        self.link = VirtualLink(broker, "cloud", subscribe=filters)
        self.link.on_up = self._connected
        self.link.on_message = self._message
        self._open = ExitStack()
        self._view: Connection | None = None
        self._life = ended_loop(self._world)
        self._arrived: list[Arrived] = []
        self._taking: TimerHandle | None = None

    @property
    def running(self) -> bool:
        return self._life.alive

    def found(self, devices: Sequence[DeviceConfig]) -> None:
        """Make the community of the sample, let these devices in, and give them their keys."""
        with make_folder(self.folder):
            for role in ("roster", "digest", "store", "config", "command", "pass"):
                write_secret(self.folder / "keys" / f"{role}.key", self._secret())
        with open_folder(self.folder) as (store, keys), store.writing() as connection:
            seed_sample(connection, keys, self._now_ms(), setup=self._setup)
            for config in devices:
                name = config.device.name
                for point in config.points:
                    if not has_point(connection, point.name):
                        add_point(connection, point.name, name, point.zone, point.name, point.name, kind=point.kind)
                register(connection, name, bytes.fromhex(Identity(config.keys).public_key), self._now_ms())
                write_secret(keys.folder / "sync" / f"{name}.key", self._secret())
                keys.hand_out(name, config.keys)

    def start(self) -> None:
        self._life = ProcessLoop(self._world)
        self._store, keys = self._open.enter_context(open_folder(self.folder))
        note_signer(self._store, keys, self._now_ms())
        self._ingest = Ingest(
            self._store,
            site=SITE.name,
            reactions=REACTIONS,
            sync=keys.sync,
            send=self._publish,
            on_commit=lambda: None,
            clock=self._now_ms,
        )
        manifests = SealedChannel(self._publish, SITE.name, "roster", keys.roster)
        self._publisher = Publisher(self._store, manifests, publish=self._publish, clock=self._now_ms)
        self._store.on_roster_change = self._publisher.refresh
        self._lender = Lender(self._store, site=SITE.name, sync=keys.sync, publish=self._publish, clock=self._now_ms)
        self._zone_news = ZoneNewsPublisher(
            self._store, site=SITE.name, sync=keys.sync, publish=self._publish, clock=self._now_ms
        )
        self.counters = CounterService(self._store, self._now_ms)
        self._telling: TimerHandle | None = None
        self.commands = CommandService(
            self._store,
            SealedChannel(self._publish, SITE.name, "command", keys.command),
            connected=lambda: self.link.up,
            clock=self._now_ms,
        )
        self.desired_state = DesiredStateService(
            self._store, SealedChannel(self._publish, SITE.name, "config", keys.config), self._now_ms
        )
        cards = CardService(self._store, keys, self._now_ms)
        self.enrolments = EnrolmentService(self._store, keys, self.commands, cards, self._now_ms)
        """Nobody settles them but who has begun one: a look at them costs a transaction."""
        self.pins = PinService(self._store, keys, self._now_ms)
        self.demands = DemandService(self._store, self._now_ms)
        self.permits = PermitService(self._store, keys, self._now_ms)
        self._rolling = Rolling(self._store, self.desired_state, self._now_ms)
        self.link.start()
        self._roll()
        self._life.call_later(LOOK_S, self._look)

    def kill(self) -> None:
        """What ``kill -9`` does: what was not committed is gone, and so is what was not yet sent."""
        if self.running:
            self._life.end()
            self.link.kill()
            self._arrived.clear()
            self._taking = None
            self._open.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The database, whether or not the cloud runs. Within one another the readings of one that does not run share
        their view: to open the database costs more than most questions."""
        if self.running:
            with self._store.reading() as connection:
                yield connection
        elif self._view is not None:
            yield self._view
        else:
            with open_folder(self.folder) as (store, _), store.reading() as connection:
                self._view = connection
                try:
                    yield connection
                finally:
                    self._view = None

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """An operator's change of the database of a running cloud: published when it is committed."""
        with self._store.writing() as connection:
            yield connection

    @property
    def store(self) -> Store:
        """Its open database, for those who work at its desk."""
        return self._store

    def roll_out(self, wirings: Mapping[str, str], by: str, reason: str, *, canary: str = "") -> str:
        """Start a roll-out; returns its id. Raises ``CannotRollOut``."""
        rollout = RolloutService(self._store, self._now_ms).start(wirings, by, reason, canary=canary)
        self._roll()
        return rollout.id

    def stop_rollout(self, rollout: str, by: str, reason: str) -> None:
        """Have a roll-out stopped. Raises ``CannotRollOut`` or ``NoSuchRollout``."""
        RolloutService(self._store, self._now_ms).stop(rollout, by, reason)

    def _secret(self) -> bytes:
        return self._chance.randbytes(KEY_BYTES)

    def _connected(self, _connection: int) -> None:
        self._ingest.acknowledge_all()
        self._publisher.connected()
        self._publisher.refresh()
        self._zone_news.connected()
        self._tell_zones()
        self.desired_state.publish_all()

    def _look(self) -> None:
        self._publisher.refresh()
        self.desired_state.end_due()
        self.counters.look()
        self._tell_zones()
        self._life.call_later(LOOK_S, self._look)

    def _roll(self) -> None:
        """The thread of the roll-outs, which only turns while there is one."""
        self._rolling.look()
        with self._store.reading() as connection:
            if live_rollout(connection) is not None:
                self._life.call_later(ROLL_S, self._roll)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.link.publish(topic, payload, qos=1, retain=retain)

    def _message(self, topic: str, payload: bytes, retained: bool) -> None:
        found = topics.parse(topic)
        if found is None:
            return
        arrived = Arrived(found, payload, retained)
        if found.channel == "want":
            self._publisher.answer(arrived)
            return
        if found.channel == "usage":
            self._life.call_later(COMMIT_S, self._lender.answer, [arrived])
            return
        self._arrived.append(arrived)
        wait_s = BEATS_WAIT_S if found.channel == "beat" else COMMIT_S
        if self._taking is None or self._taking.when() > self._life.time() + wait_s:
            if self._taking is not None:
                self._taking.cancel()
            self._taking = self._life.call_later(wait_s, self._take)

    def _take(self) -> None:
        """One transaction of all that has come."""
        self._taking = None
        arrived, self._arrived = self._arrived, []
        self._ingest.commit(arrived)
        if self._zone_news.is_used and self._telling is None:
            self._telling = self._life.call_later(ZONES_WAIT_S, self._tell_zones)

    def _tell_zones(self) -> None:
        """What the thread does that tells the news of zones, which here looks only where something may have changed."""
        self._telling = None
        self._zone_news.look()
