"""How a device is: what it says of itself to its cloud, to an installer, and to a wiring on trial."""

from importlib.metadata import version
from typing import Any, Protocol

from contract.decide import ROSTER_OLD_MS, ROSTER_VERY_OLD_MS
from contract.device_words import DeviceFault
from contract.messages import Beat, RosterState, State
from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.config.device_config import DeviceConfig
from edge.device.peripherals import Peripherals
from edge.device.ports import Ports
from edge.journal.recorder import Recorder
from edge.link.renewal import Renewing
from edge.link.uplink import Uplink
from edge.machine.space import Space
from edge.memory.notebook import Notebook
from edge.remote.remote import Remote
from edge.remote.rewiring import Health
from edge.roster.sync import RosterSync

SOFTWARE = version("hearthgate")


class Parts(Protocol):
    """The parts of one device. One that is not registered has no uplink, no roster sync and no remote; one without
    certificates renews none."""

    config: DeviceConfig
    ports: Ports
    recorder: Recorder
    agent: Agent
    decider: Decider
    space: Space
    peripherals: Peripherals
    notebook: Notebook
    uplink: Uplink | None
    roster_sync: RosterSync | None
    remote: Remote | None
    renewing: Renewing | None


class Condition:
    """What a device says of itself: looks at its parts and changes none."""

    def __init__(self, device: Parts) -> None:
        self._config, self._ports = device.config, device.ports
        self._recorder, self._agent, self._decider = device.recorder, device.agent, device.decider
        self._space = device.space
        self._peripherals, self._notebook = device.peripherals, device.notebook
        self._uplink, self._roster_sync, self._remote = device.uplink, device.roster_sync, device.remote
        self._renewing = device.renewing

    def state(self, connection: int) -> State:
        """What ``up/state`` says."""
        roster = self._ports.roster
        return State(
            online=True,
            connection=connection,
            boot=self._ports.clock.boot,
            software=SOFTWARE,
            roster=RosterState(
                roster.number, roster.issued_ms or 0, roster.count, self.roster_refused, *self._roster_progress()
            ),
            config_hash=self._config.hash,
            points={name: self._point(name) for name in self._agent.runners},
        )

    def beat(self) -> Beat:
        """What ``up/beat`` says."""
        clock, recorder = self._ports.clock, self._recorder
        return Beat(
            at_ms=clock.now_ms(),
            uptime_ms=clock.mono_ms(),
            clock=clock.trust,
            journal_rows=recorder.last_seq - self._ports.journal.base_seq,
            waiting=recorder.last_seq - recorder.acked,
            oldest_ms=recorder.waiting_ms,
            unlogged=recorder.unlogged,
            faults=self.faults(),
            clock_error_ms=clock.error_ms,
        )

    @property
    def failures(self) -> int:
        """How many faults of ours were caught since the start, those of a decision aside."""
        failed_deeds = self._remote.commands.failures if self._remote else 0
        return self._agent.failures + self._ports.link.faults + failed_deeds

    @property
    def roster_refused(self) -> str:
        """Why the newest roster was not taken, empty if it was."""
        return self._roster_sync.refused if self._roster_sync else ""

    def faults(self) -> dict[str, str]:
        """Everything an operator should know is wrong, by place; what is wrong with a point as ``point.fault``."""
        rewire = self._ports.machine.rewire
        own: dict[DeviceFault, str] = {
            "disk": self._recorder.fault,
            "memory": self._notebook.fault,
            "uplink": self._uplink.fault if self._uplink else "not_registered",
            "keeper": "" if self._agent.keeper_up else "lost",
            "keeper_wiring": self._agent.not_reloaded,
            "wiring": rewire.turn.chosen.rotten if rewire else "",
            "certificate": self._renewing.fault if self._renewing else "",
            "latch": "unsaved" if self._agent.latch_unsaved else "",
            "roster": self.roster_refused,
            "roster_age": self._roster_age(),
            "roster_pages": f"{len(self._ports.roster.damaged)} damaged" if self._ports.roster.damaged else "",
            "clock": f"the cloud's time is {self._ports.clock.off_ms / 1000:+.0f} s off"
            if self._ports.clock.off_ms
            else "",
            "clock_file": "damaged" if self._ports.clock.lost_floor else "",
            "link": f"{self._ports.link.oversized} messages too large" if self._ports.link.oversized else "",
            "agent": f"{self.failures} failures" if self.failures else "",
            "decisions": f"{self._decider.failures} failures" if self._decider.failures else "",
        }
        own |= self._space.faults
        own |= self._remote.faults() if self._remote else {}
        found = dict[str, str](own.items()) | self._peripherals.faults() | self._agent.reader_faults()
        for zone, cause in sorted(self._agent.emergencies.items()):
            found |= {f"fire_loop.{zone}": "broken"} if cause == "loop_broken" else {f"emergency.{zone}": cause}
        for name, runner in self._agent.runners.items():
            found |= {f"{name}.{fault}": "present" for fault in sorted(runner.report.faults)}
        return {place: fault for place, fault in found.items() if fault}

    def status(self) -> dict[str, Any]:
        """What ``hearthgate-edge status`` and the demo's panel show; times in milliseconds."""
        beat = self.beat()
        return {
            "device": self._config.device.name,
            "site": self._config.device.site,
            "software": SOFTWARE,
            "clock": {
                "trust": beat.clock.value,
                "at_ms": beat.at_ms,
                "error_ms": beat.clock_error_ms,
                "uptime_ms": beat.uptime_ms,
            },
            "keeper": self._agent.keeper_up,
            "link": {"up": self._ports.link.up, "why": self._ports.link.why_down},
            "journal": {
                "id": self._recorder.journal_id,
                "last": self._recorder.last_seq,
                "acked": self._recorder.acked,
                "waiting": beat.waiting,
                "unlogged": beat.unlogged,
            },
            "roster": {
                "number": self._ports.roster.number,
                "issued_ms": self._ports.roster.issued_ms,
                "grants": self._ports.roster.count,
                "refused": self.roster_refused,
                **dict(zip(("got", "wanted"), self._roster_progress(), strict=True)),
            },
            "wiring": self._wiring(),
            "emergencies": sorted(self._agent.emergencies),
            "causes": dict(self._agent.emergencies),
            "points": {name: self._point(name) | self._live(name) for name in self._agent.runners},
            "faults": beat.faults,
        }

    def on_trial(self) -> Health:
        """What a device that tries a wiring looks at."""
        agent = self._agent
        return Health(
            keeper=agent.keeper_up,
            refused=agent.not_reloaded,
            keeper_losses=agent.keeper_losses,
            unread=agent.unread,
            emergencies=sorted(agent.emergencies),
            failures=self.failures + self._decider.failures,
            roster=self._ports.roster.number,
            link=self._ports.link.up,
        )

    def _wiring(self) -> dict[str, Any]:
        """Which wiring rules, and since when: the document it came with, or nothing for the device's own file."""
        told: dict[str, Any] = {"source": "local", "hash": self._config.hash, "on_trial": False}
        rewire = self._ports.machine.rewire
        if rewire is None:
            return told
        record, chosen = rewire.wirings.record, rewire.turn.chosen
        told["on_trial"] = record.trial is not None
        if chosen.copy is not None:
            stands = record.applied if record.applied and record.trial is None else chosen.copy
            told |= {"source": "cloud", "number": stands.number, "since_ms": stands.at_ms}
        return told

    def _point(self, name: str) -> dict[str, Any]:
        runner = self._agent.runners[name]
        report = runner.report
        shown = runner.shown.text if runner.shown else ""
        return {
            "kind": runner.kind.name,
            "phase": report.phase,
            "mode": runner.mode.value,
            "faulted": report.faulted,
            "faults": sorted(report.faults),
            "shown": shown,
        }

    def _live(self, name: str) -> dict[str, Any]:
        live = self._agent.runners[name].report.live
        return {"live": dict(live)} if live else {}

    def _roster_age(self) -> str:
        """How long nobody has confirmed who lives here; at homes nothing but this alarm ends with it."""
        issued_ms = self._ports.roster.issued_ms
        age_ms = 0 if issued_ms is None else self._ports.clock.now_ms() - issued_ms
        if age_ms >= ROSTER_VERY_OLD_MS:
            return "older than 7 days"
        return "older than 24 hours" if age_ms >= ROSTER_OLD_MS else ""

    def _roster_progress(self) -> tuple[int, int]:
        return (self._roster_sync.got, self._roster_sync.wanted) if self._roster_sync else (0, 0)
