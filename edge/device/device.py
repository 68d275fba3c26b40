"""One device put together over ports: the same on a Raspberry Pi and, many times over, in virtual time."""

import logging
from asyncio import TimerHandle
from collections.abc import Callable

from msgspec import structs

from contract import topics
from contract.decide import Trust
from contract.device_events import DeviceEvents
from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.agent.ports import AgentPorts
from edge.config.device_config import DeviceConfig
from edge.counting.counting import CountedRecording, Counting
from edge.device.health import SOFTWARE, Condition
from edge.device.peripherals import Peripherals
from edge.device.ports import Ports
from edge.identity.identity import Registration
from edge.journal.recorder import Recorder
from edge.link.announcer import Announcer, LiveReadings
from edge.link.quantity_sync import QuantitySync
from edge.link.renewal import CertificateRenewal
from edge.link.sealed_channel import SealedChannel
from edge.link.uplink import Uplink
from edge.machine.space import Space
from edge.memory.ledger import UsageLedger
from edge.memory.notebook import PointMemory
from edge.memory.runtime import Runtime
from edge.remote.remote import Remote
from edge.roster.sync import RosterSync

log = logging.getLogger(__name__)

SAVE_CLOCK_S = 600.0
"""How often a device that hears nobody notes how late it is: a power cut makes its roster younger by no more."""
REFUSED_AGAIN_MS = 3_600_000
"""Whoever holds the broker can have a roster refused as often as they like; each reason is recorded once in so long."""
CLOSES_WITHIN_S = 5.0
"""How long an orderly end waits for a slow disk; what is not durable by then is written anyway."""


def _ignore(*_: object) -> None:
    """What the link calls while its device closes: an order that comes now is for the next life, or for none."""


class Device(Condition):
    """One device: its parts, and who tells whom. ``agent.handle`` is for the keeper; the link is wired up here."""

    def __init__(self, config: DeviceConfig, ports: Ports) -> None:
        self.config, self.ports = config, ports
        registration = ports.identity.registration
        self.channel = channel = SealedChannel(
            ports.link, config.device.site, config.device.name, ports.identity.device_key
        )
        self.recorder = Recorder(ports.journal, ports.clock, ports.loop, ports.writer, ports.flusher)
        runtime = Runtime(ports.loop, ports.clock, ports.memory, ports.memory_writer, self.recorder.record)
        self.ledger = UsageLedger(ports.memory.spent(), ports.clock, ports.roster, ports.memory.loans())
        self.counting = Counting(runtime, channel, self.recorder, ports.journal, ports.roster)
        self.counting.start(config.points)
        self.decider = Decider(
            ports.roster,
            ports.clock,
            registration.digest_key if registration else None,
            points={point.name: point for point in config.points},
            ledger=self.ledger,
            counts=self.counting,
            random_bytes=ports.random.randbytes,
        )
        self.announcer = Announcer(channel, ports.loop, state=self.state, beat=self.beat)
        self.notebook = PointMemory(runtime, self.ledger)
        self.recorder.is_persisting = lambda: self.notebook.is_writing
        recording = CountedRecording(self.recorder, self.counting)
        agent_ports = AgentPorts(ports.loop, ports.clock, recording, self.decider, ports.keeper, self.notebook)
        self.agent = Agent(config, agent_ports, self.announcer.changed)
        self.peripherals = Peripherals(config, ports, self.agent)
        self.live_readings = LiveReadings(channel, ports.loop, show=self.live, now_ms=ports.clock.now_ms)
        recorder, changed = self.recorder, self.announcer.changed
        self.space = Space(lambda: recorder.filled, ports.free_bytes, ports.loop, recorder.record, changed)
        self._receivers: dict[str, Callable[[bytes, bool], object]] = {}
        """By channel of the cloud."""
        if ports.credentials is not None:
            self.renewal = CertificateRenewal(runtime, channel, ports.credentials, ports.random)
        if registration is not None:
            self._join_cloud(registration, runtime)
        self._has_sessions = any(kind.instruments or kind.lines for kind in config.kinds.values())
        self._roster_told = ports.roster.number, ""
        self._refused_at_ms: dict[str, int] = {}
        self._saving_clock: TimerHandle | None = None
        ports.clock.on_fixed = self._clock_fixed
        ports.clock.on_contact = self.agent.note_cloud_contact
        ports.link.on_up = self._link_up
        ports.link.on_down = self._link_down
        ports.link.on_message = self._message

    def _join_cloud(self, registration: Registration, runtime: Runtime) -> None:
        """What only a registered device has: events up, and roster, desired document and commands down."""
        ports, channel, clock, loop = self.ports, self.channel, self.ports.clock, self.ports.loop
        self.uplink = Uplink(channel, self.recorder, clock.saw_acknowledged, registration.sync_key, loop, ports.random)
        self.remote = remote = Remote(runtime, channel, registration, self.agent, ports.machine, self.on_trial)
        self.roster_sync = sync = RosterSync(
            channel, ports.roster, registration.roster, clock, loop, ports.roster_writer
        )
        self.counting.believe(registration.sync_key)
        self.quantities = QuantitySync(channel, self.ledger, self.notebook, registration.sync_key, loop)
        sync.on_change, sync.ask_time = self._roster_changed, self._ask_time
        sync.on_damage = lambda damage: self.recorder.record("", *DeviceEvents.roster_damaged(**damage).row)
        self._receivers = {
            "ack": self.uplink.acknowledged,
            "roster": lambda payload, _retained: sync.manifest(payload),
            "page": lambda payload, _retained: sync.page(payload),
            "config": lambda payload, _retained: remote.desired.receive(payload),
            "command": remote.commands.receive,
            "lend": self.quantities.received,
            "zone": self.counting.received,
        }
        if self.renewal is not None:
            renewal = self.renewal
            self._receivers["certificate"] = lambda payload, _retained: renewal.received(payload)

    def start(self) -> None:
        """Record how the device was found: what an operator asks first after a night with a power cut."""
        log.info(
            "%s %s starts; journal %s has rows up to %d",
            self.channel.device,
            SOFTWARE,
            self.recorder.journal_id,
            self.recorder.last_seq,
        )
        journal = self.ports.journal.found
        self.recorder.record("", *DeviceEvents.started(software=SOFTWARE, clean=not journal.unclean).row)
        if journal.power_cut:
            self.recorder.record("", *DeviceEvents.power_cut(last_durable=journal.last_seq).row)
        if journal.recovered is not None:
            self.recorder.record("", *DeviceEvents.journal_recovered(**structs.asdict(journal.recovered)).row)
        if self.ports.roster.set_aside is not None:
            self.recorder.record("", *DeviceEvents.roster_damaged(kept_as=self.ports.roster.set_aside.name).row)
        if self.ports.memory.set_aside is not None:
            self.recorder.record("", *DeviceEvents.memory_damaged(kept_as=self.ports.memory.set_aside.name).row)
        clock = self.ports.clock
        if clock.rotten:
            kept_as = clock.set_aside(self.ports.roster.issued_ms)
            self.recorder.record("", *DeviceEvents.clock_damaged(kept_as=kept_as, floor_ms=clock.floor_ms).row)
        for part in (self.roster_sync, self.remote, self.renewal, self.peripherals):
            if part is not None:
                part.start()
        self.space.look()
        self._saving_clock = self.ports.loop.call_later(SAVE_CLOCK_S, self._save_clock)
        if self.ports.identity.registration is None:
            log.warning("not registered; the public key is %s", self.ports.identity.public_key)

    async def close(self) -> None:
        """An orderly end: what was recorded becomes durable, and the next start knows that it did."""
        link = self.ports.link
        link.on_up = link.on_down = link.on_message = _ignore
        self.agent.close()
        self.counting.close()
        self.live_readings.close()
        await self.peripherals.close()
        self.space.close()
        if self.quantities is not None:
            self.quantities.went_down()
        if self._saving_clock is not None:
            self._saving_clock.cancel()
        self.announcer.goodbye()
        for part in (self.renewal, self.uplink, self.remote):
            if part is not None:
                part.close()
        if self.roster_sync is not None:
            await self.roster_sync.close()
        self.recorder.record("", *DeviceEvents.stopped().row)
        await self.recorder.close(CLOSES_WITHIN_S)
        self.ports.roster.close()
        self.notebook.close()
        await self.ports.loop.run_in_executor(self.ports.memory_writer, self.ports.memory.close)
        self.ports.clock.save()

    def _roster_changed(self) -> None:
        """Record a roster that is new, or refused for a new reason; nobody fills a journal by sending it again."""
        before, news = self._roster_told, (self.ports.roster.number, self.roster_refused)
        if news != before:
            number, why = self._roster_told = news
            if why:
                self._roster_was_refused(why, number)
            elif number != before[0]:
                applied = DeviceEvents.roster_applied(roster=number, grants=self.ports.roster.count)
                self.recorder.record("", *applied.row)
        self.announcer.changed()

    def _roster_was_refused(self, why: str, kept: int) -> None:
        now_ms, told_ms = self.ports.clock.mono_ms(), self._refused_at_ms.get(why)
        if told_ms is None or now_ms - told_ms >= REFUSED_AGAIN_MS:
            self._refused_at_ms[why] = now_ms
            self.recorder.record("", *DeviceEvents.roster_refused(why=why, kept=kept).row)

    def _clock_fixed(self, offset_ms: int, error_ms: int) -> None:
        """The cloud can now tell when all that happened since this boot did."""
        fixed = DeviceEvents.clock_fixed(boot=self.ports.clock.boot, offset_ms=offset_ms, error_ms=error_ms)
        self.recorder.record("", *fixed.row)
        self.agent.clock_known()
        self.counting.clock_known()
        if self.roster_sync is not None:
            self.roster_sync.time_known()
        if self.remote is not None:
            self.remote.modes.look()
            self.remote.commands.time_known()
        if self.quantities is not None and self.ports.link.up:
            self.quantities.went_up()
        if self.ports.number is not None and self.ports.number.is_doubtful:
            log.warning("the number of this connection may have been used before: connecting anew")
            self.ports.loop.call_soon(self.ports.link.again)

    def _ask_time(self) -> None:
        """Only the acknowledgement of an event that was never sent before tells the time."""
        if self.uplink is not None and not self.uplink.has_news:
            self.recorder.record("", *DeviceEvents.asks_time(clock=self.ports.clock.trust).row)

    def _save_clock(self) -> None:
        self.ports.clock.save()
        self._saving_clock = self.ports.loop.call_later(SAVE_CLOCK_S, self._save_clock)

    def _link_up(self, connection: int) -> None:
        log.info("connection %d is up", connection)
        self.announcer.went_up(connection)
        if self._has_sessions:
            self.live_readings.went_up()
        if self.remote is not None:
            self.remote.went_up(connection)
        if self.uplink is not None:
            if self.ports.clock.trust is not Trust.SYNCED:
                self._ask_time()
            self.uplink.went_up()
        if self.quantities is not None:
            self.quantities.went_up()

    def _link_down(self) -> None:
        log.info("the connection is lost; deciding goes on")
        self.announcer.close()
        self.live_readings.close()
        for part in (self.remote, self.uplink, self.quantities):
            if part is not None:
                part.went_down()

    def _message(self, topic: str, payload: bytes, retained: bool) -> None:
        """Only what the cloud says to this device; each receiver judges the seal of its own."""
        parsed = topics.parse(topic)
        expected = (self.channel.site, self.channel.device, "dn")
        if parsed is not None and (parsed.site, parsed.device, parsed.way) == expected:
            self._receivers.get(parsed.channel, _ignore)(payload, retained)
