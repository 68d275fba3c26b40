"""A world for the panel in one process: sample boards behind real sockets, and a gatekeeper that knows some cards."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from gpiozero import DigitalInputDevice, OutputDevice

from contract.phrases import Phrase
from dev import ROOT
from edge.config.device_config import DeviceConfig, load
from edge.config.tables import Point
from firmware_sim.board.board import Board
from firmware_sim.control.commands import card_bits
from firmware_sim.control.control import BoardControl, ControlServer
from firmware_sim.panel.app import create_panel
from firmware_sim.panel.world import Card, HeldText, Part, Plug
from firmware_sim.time.clock import run_real
from firmware_sim.worlds.board.executor import CommandExecutor
from firmware_sim.worlds.board.move_log import MoveLog, pin_names
from firmware_sim.worlds.board.wiring import resistors, wire
from firmware_sim.worlds.demo.brokers import free_port

MEMBER, STRANGER = "H10301:21:15890", "H10301:99:12345"
FRAME_GAP_S = 0.02
UNLOCK_S = 3.0

T = TypeVar("T")


class Gatekeeper:
    """Keeper and agent of a portal in a few lines: after a frame it lights a lamp, and opens if it knows the card."""

    def __init__(self, config: DeviceConfig, board: Board) -> None:
        self.shown = ""
        self.events = 0
        self._loop = board.loop
        self._outputs: dict[str, OutputDevice] = {}
        self._inputs: list[DigitalInputDevice] = []
        self._bits = ""
        self._timer: asyncio.TimerHandle | None = None
        for point in config.points:
            if "in" in point.readers:
                self._keep(point, board)

    def _keep(self, point: Point, board: Board) -> None:
        factory = board.factory()
        self._outputs = {name: OutputDevice(out.pin, pin_factory=factory) for name, out in point.outputs.items()}
        self._inputs = [DigitalInputDevice(at.pin, pull_up=True, pin_factory=factory) for at in point.inputs.values()]
        reader = point.readers["in"]
        for bit, pin in (("0", reader.d0), ("1", reader.d1)):
            board.pin(pin).watch(partial(self._pulse, bit))

    def _pulse(self, bit: str, level: bool, _at_ns: int) -> None:
        if level:
            return
        self._bits += bit
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(FRAME_GAP_S, self._decide)

    def _decide(self) -> None:
        known, self._bits = self._bits == card_bits(MEMBER), ""
        self.events += 1
        self.shown = "allowed" if known else "unknown_credential"
        for name in ("lock", "unlock", "green") if known else ("red",):
            if name in self._outputs:
                self._outputs[name].on()
                self._loop.call_later(UNLOCK_S, self._outputs[name].off)


PARTS: tuple[Part, ...] = ("cable", "agent", "keeper")


def switch(is_in: bool = True) -> Plug:
    """A plug that remembers whether it is in."""
    states = [is_in]

    async def put(state: bool) -> None:
        states.append(state)

    return Plug(lambda: states[-1], partial(put, False), partial(put, True))


class SampleDevice:
    """One sample device as the panel sees it; its processes and its cable are flags."""

    def __init__(self, folder: Path, sample: str, label: Phrase) -> None:
        config = load(ROOT / "config" / f"{sample}.toml")
        self.name, self.label = config.device.name, label
        self.points = [point.name for point in config.points]
        self.plugs = {part: switch() for part in PARTS}
        self.waiting = 0
        self.emergencies: list[str] = []
        witness = MoveLog(pin_names(config))
        board = Board(asyncio.get_running_loop(), seed=1, pulls=resistors(config), on_move=witness.hear)
        self.hardware = wire(board, config)
        self.gatekeeper = Gatekeeper(config, board)
        socket = folder / f"{Path(sample).name}.sock"
        self.server = ControlServer(socket, CommandExecutor(config, self.hardware, witness).obey)
        self.control = BoardControl(socket)

    async def status(self) -> dict[str, Any] | None:
        if not self.plugs["agent"].is_in():
            return None
        events = self.gatekeeper.events
        return {
            "link": {"up": self.plugs["cable"].is_in()},
            "journal": {"last": events, "waiting": self.waiting},
            "roster": {"number": 1},
            "emergencies": list(self.emergencies),
            "causes": dict.fromkeys(self.emergencies, "fire"),
            "points": {name: {"shown": self.gatekeeper.shown} for name in self.points},
            "faults": {},
        }

    async def close(self) -> None:
        await self.control.close()
        await self.server.close()


PORTALS = {"turnstile": Phrase("健身房闸机", "Gym turnstile"), "door": Phrase("东门", "East gate")}
SOCKETS = {"socket": Phrase("骑手驿站", "Riders' hub")}


class SampleWorld:
    """The sample turnstile and the sample gate, or other samples."""

    cards = (
        Card(Phrase("年卡会员", "Yearly member"), MEMBER, Phrase("桤木", "Alder Example")),
        Card(Phrase("陌生卡", "Unknown card"), STRANGER),
    )

    def __init__(self, folder: Path, samples: Mapping[str, Phrase] = PORTALS) -> None:
        self.texts: list[HeldText] = []
        made = [SampleDevice(folder, sample, label) for sample, label in samples.items()]
        self.devices = {device.name: device for device in made}

    async def open(self) -> None:
        for device in self.devices.values():
            await device.server.start()

    async def close(self) -> None:
        for device in self.devices.values():
            await device.close()


class ServedPanel:
    """The panel on a port of its own, in a thread with a loop of its own."""

    def __init__(self, folder: Path, samples: Mapping[str, Phrase] = PORTALS) -> None:
        self.world: SampleWorld
        self._folder, self._samples = folder, samples
        self._port = free_port()
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: run_real(self._main()), name="panel")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> "ServedPanel":
        self._thread.start()
        assert self._up.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def call(self, act: Callable[[], T]) -> T:
        """Run something where the world lives."""

        async def there() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(there(), self._loop).result(20)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.world = SampleWorld(self._folder, self._samples)
        await self.world.open()
        options = uvicorn.Config(
            create_panel(self.world.devices, self.world.cards, self.world.texts),
            port=self._port,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(options)
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        self._up.set()
        await serving
        await self.world.close()
