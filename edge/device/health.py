"""How a device is: what it says of itself to its cloud, to an installer, and to a wiring on trial."""

from importlib.metadata import version
from typing import Any

from contract.decide import DAY_MS
from contract.device_words import DeviceFault
from contract.messages import Beat, RosterState, State
from contract.roster import PAGE_VERSIONS
from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.config.device_config import DeviceConfig
from edge.counting.counting import Counting
from edge.device.peripherals import Peripherals
from edge.device.ports import Ports
from edge.journal.recorder import Recorder
from edge.link.quantity_sync import QuantitySync
from edge.link.renewal import CertificateRenewal
from edge.link.uplink import Uplink
from edge.machine.space import Space
from edge.memory.notebook import PointMemory
from edge.remote.remote import Remote
from edge.remote.rewiring import Health
from edge.roster.sync import RosterSync

SOFTWARE = version("hearthgate")
ROSTER_OLD_MS, ROSTER_VERY_OLD_MS = DAY_MS, 7 * DAY_MS
"""From these ages on a roster is an alarm, because at homes nothing else ends with its age."""


class Condition:
    """The parts of one device, and what it says of itself by them. One that is not registered has no uplink, no roster
    sync, no quantities and no remote; one without certificates renews none."""

    config: DeviceConfig
    ports: Ports
    recorder: Recorder
    agent: Agent
    decider: Decider
    space: Space
    peripherals: Peripherals
    notebook: PointMemory
    counting: Counting
    uplink: Uplink | None = None
    roster_sync: RosterSync | None = None
    remote: Remote | None = None
    renewal: CertificateRenewal | None = None
    quantities: QuantitySync | None = None

    def state(self, connection: int) -> State:
        """What ``up/state`` says."""
        roster = self.ports.roster
        return State(
            online=True,
            connection=connection,
            boot=self.ports.clock.boot,
            software=SOFTWARE,
            roster=RosterState(
                roster.number,
                roster.issued_ms or 0,
                roster.count,
                self.roster_refused,
                *self._roster_progress(),
                reads=PAGE_VERSIONS,
            ),
            config_hash=self.config.hash,
            points={name: self._point(name) for name in self.agent.runners},
        )

    def beat(self) -> Beat:
        """What ``up/beat`` says."""
        clock, recorder = self.ports.clock, self.recorder
        return Beat(
            at_ms=clock.now_ms(),
            uptime_ms=clock.mono_ms(),
            clock=clock.trust,
            journal_rows=recorder.last_seq - self.ports.journal.base_seq,
            waiting=recorder.last_seq - recorder.acked,
            oldest_ms=recorder.waiting_ms,
            unlogged=recorder.unlogged,
            faults=self.faults(),
            clock_error_ms=clock.error_ms,
        )

    @property
    def failures(self) -> int:
        """How many faults of ours were caught since the start, those of a decision aside."""
        failed_deeds = self.remote.commands.failures if self.remote else 0
        return self.agent.failures + self.ports.link.faults + failed_deeds

    @property
    def roster_refused(self) -> str:
        """Why the newest roster was not taken, empty if it was."""
        return self.roster_sync.refused if self.roster_sync else ""

    def faults(self) -> dict[str, str]:
        """Everything an operator should know is wrong, by place; what is wrong with a point as ``point.fault``."""
        rewire = self.ports.machine.rewire
        by_part: dict[DeviceFault, str] = {
            "disk": self.recorder.fault,
            "memory": self.notebook.fault,
            "uplink": self.uplink.fault if self.uplink else "not_registered",
            "keeper": "" if self.agent.keeper_up else "lost",
            "keeper_wiring": self.agent.not_reloaded,
            "wiring": rewire.run.chosen.rotten if rewire else "",
            "certificate": self.renewal.fault if self.renewal else "",
            "latch": "unsaved" if self.agent.latch_unsaved else "",
            "roster": self.roster_refused,
            "roster_age": self._roster_age(),
            "roster_pages": f"{len(self.ports.roster.damaged)} damaged" if self.ports.roster.damaged else "",
            "clock": f"the cloud's time is {self.ports.clock.off_ms / 1000:+.0f} s off"
            if self.ports.clock.off_ms
            else "",
            "clock_file": "damaged" if self.ports.clock.lost_floor else "",
            "link": f"{self.ports.link.oversized} messages too large" if self.ports.link.oversized else "",
            "agent": f"{self.failures} failures" if self.failures else "",
            "decisions": f"{self.decider.failures} failures" if self.decider.failures else "",
        }
        by_part |= self.space.faults
        by_part |= self.remote.faults() if self.remote else {}
        faults = dict[str, str](by_part.items()) | self.peripherals.faults() | self.agent.readers.faults()
        for zone, cause in sorted(self.agent.emergencies.items()):
            faults |= {f"fire_loop.{zone}": "broken"} if cause == "loop_broken" else {f"emergency.{zone}": cause}
        for name, runner in self.agent.runners.items():
            faults |= {f"{name}.{fault}": "present" for fault in sorted(runner.report.faults)}
        return {place: fault for place, fault in faults.items() if fault}

    def status(self) -> dict[str, Any]:
        """What ``hearthgate-edge status`` and the demo's panel show; times in milliseconds."""
        beat, live = self.beat(), self.live()
        return {
            "device": self.config.device.name,
            "site": self.config.device.site,
            "software": SOFTWARE,
            "clock": {
                "trust": beat.clock.value,
                "at_ms": beat.at_ms,
                "error_ms": beat.clock_error_ms,
                "uptime_ms": beat.uptime_ms,
            },
            "keeper": self.agent.keeper_up,
            "link": {"up": self.ports.link.up, "why": self.ports.link.why_down},
            "journal": {
                "id": self.recorder.journal_id,
                "last": self.recorder.last_seq,
                "acked": self.recorder.acked,
                "waiting": beat.waiting,
                "unlogged": beat.unlogged,
            },
            "roster": {
                "number": self.ports.roster.number,
                "issued_ms": self.ports.roster.issued_ms,
                "grants": self.ports.roster.count,
                "refused": self.roster_refused,
                **dict(zip(("got", "wanted"), self._roster_progress(), strict=True)),
            },
            "wiring": self._wiring(),
            "inside": self.counting.status(),
            "emergencies": sorted(self.agent.emergencies),
            "causes": dict(self.agent.emergencies),
            "points": {
                name: self._point(name) | ({"live": live[name]} if name in live else {}) for name in self.agent.runners
            },
            "faults": beat.faults,
        }

    def live(self) -> dict[str, dict[str, Any]]:
        """What screens show of this moment, of the points that have anything to show."""
        reports = {name: runner.report for name, runner in self.agent.runners.items()}
        return {name: dict(report.live) for name, report in reports.items() if report.live}

    def on_trial(self) -> Health:
        """What a device that tries a wiring looks at."""
        agent = self.agent
        return Health(
            keeper=agent.keeper_up,
            refused=agent.not_reloaded,
            keeper_losses=agent.keeper_losses,
            unread=agent.unread,
            emergencies=sorted(agent.emergencies),
            failures=self.failures + self.decider.failures,
            roster=self.ports.roster.number,
            link=self.ports.link.up,
        )

    def _wiring(self) -> dict[str, Any]:
        """Which wiring rules, and since when: the document it came with, or nothing for the device's own file."""
        rewire = self.ports.machine.rewire
        tries = rewire is not None and rewire.wirings.record.trial is not None
        origin: dict[str, Any] = {"source": "local", "hash": self.config.hash, "on_trial": tries}
        if rewire is None or rewire.run.chosen.copy is None:
            return origin
        applied = rewire.wirings.record.applied
        document = applied if applied and not tries else rewire.run.chosen.copy
        return origin | {"source": "cloud", "number": document.number, "since_ms": document.at_ms}

    def _point(self, name: str) -> dict[str, Any]:
        runner = self.agent.runners[name]
        report = runner.report
        return {
            "kind": runner.kind.name,
            "phase": report.phase,
            "mode": runner.mode.value,
            "faulted": report.faulted,
            "faults": sorted(report.faults),
            "shown": runner.shown.text if runner.shown else "",
        }

    def _roster_age(self) -> str:
        """How long nobody has confirmed who lives here; at homes nothing but this alarm ends with it."""
        issued_ms = self.ports.roster.issued_ms
        age_ms = 0 if issued_ms is None else self.ports.clock.now_ms() - issued_ms
        if age_ms >= ROSTER_VERY_OLD_MS:
            return "older than 7 days"
        return "older than 24 hours" if age_ms >= ROSTER_OLD_MS else ""

    def _roster_progress(self) -> tuple[int, int]:
        return (self.roster_sync.got, self.roster_sync.wanted) if self.roster_sync else (0, 0)
