"""A keeper on a simulated board, for tests in virtual time: shipped code above the pins, parts below them."""

import asyncio
from pathlib import Path

from edge.config import device_config
from edge.config.device_config import DeviceConfig
from edge.keeper.keeper import Keeper
from edge.keeper.latch import Latch
from edge.keeper.outputs import LeasedOutput
from edge.keeper.protocol import ToAgent
from firmware_sim.board.board import Board, BoardFactory, Resistor
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.contact import Contact
from firmware_sim.parts.emergency import EmergencyStop, FirePanel, SmokeDetector
from firmware_sim.parts.reader import WiegandReader

LOCK, LAMP, MAGNET, TRIPOD = 17, 23, 18, 12
EAST, GYM, GREEN = "east.lock", "gym.lock", "east.green"
AT_REST = {LOCK: False, LAMP: False, MAGNET: True}
GATES = f"""\
[device]
site = "sunny-court"
name = "gates"
state = "."
[cloud]
broker = "mqtt://127.0.0.1:1883"

[[point]]
name = "east"
kind = "door"
zone = "estate"
outputs.lock = {{ pin = {LOCK}, load = "power_to_unlock" }}
outputs.green = {{ pin = {LAMP}, load = "power_to_run" }}
inputs.contact = {{ pin = 22 }}
inputs.exit_button = {{ pin = 27 }}
readers.in = {{ d0 = 5, d1 = 6 }}

[[point]]
name = "gym"
kind = "door"
zone = "gym"
outputs.lock = {{ pin = {MAGNET}, load = "power_to_lock", relay = "low", external_pull = "up" }}
inputs.release_sense = {{ pin = 24 }}

[[emergency]]
zone = "estate"
input = {{ pin = 26, active = "high" }}
reset = {{ pin = 16 }}
"""
PULLS: dict[int, Resistor] = {LOCK: "down", LAMP: "down", MAGNET: "up", TRIPOD: "down"}
"""The resistors that the installation asks for: each holds its relay at rest."""


def load(folder: Path, text: str) -> DeviceConfig:
    file = folder / "gates.toml"
    file.write_text(text)
    return device_config.load(file)


class Rig:
    """One board with its parts. ``sent`` are the messages of the keeper. ``start`` is a new keeper process."""

    def __init__(self, folder: Path, *, text: str = GATES, strict_gpiod: bool = True) -> None:
        self.loop = asyncio.get_running_loop()
        self.board = Board(self.loop, seed=1, strict_gpiod=strict_gpiod, pulls=PULLS)
        self.contact = Contact(self.board, pin=22, name="east contact", closed=True)
        self.button = PushButton(self.board, pin=27, name="east button")
        self.reader = WiegandReader(self.board, d0=5, d1=6)
        self.fire = FirePanel(self.board, pin=26, confirm_pin=25)
        self.smoke = SmokeDetector(self.board, pin=20, name="smoke", active="high")
        self.stop = EmergencyStop(self.board, pin=21, name="stop", active="high")
        self.key = PushButton(self.board, pin=16, name="key")
        self.config = load(folder, text)
        self.latch_file = folder / "latch.json"
        self.sent: list[ToAgent] = []
        self.factory: BoardFactory
        self.keeper: Keeper
        self.start()

    def start(self) -> None:
        factory = self.board.factory()

        def tell(message: ToAgent) -> None:
            if factory.lines.alive:  # type: ignore[attr-defined]
                self.tell(message)

        self.factory = factory
        self.keeper = Keeper(self.config, factory, Latch(self.latch_file), self.loop, tell)

    def tell(self, message: ToAgent) -> None:
        self.sent.append(message)

    def kill(self) -> None:
        """What ``kill -9`` does to the keeper."""
        self.factory.die()

    def level(self, pin: int) -> bool:
        return self.board.pin(pin).level

    def messages(self, kind: type[ToAgent]) -> list[ToAgent]:
        return [message for message in self.sent if isinstance(message, kind)]


def driven_ms(board: Board, pin: int, *, rest: bool, now_ms: float) -> float:
    """The longest time a pin was away from rest, by the board's own log: the independent witness."""
    longest_ns, since_ns = 0, None
    for move in board.moves:
        if move.pin == pin:
            if move.level != rest and since_ns is None:
                since_ns = move.at_ns
            elif move.level == rest and since_ns is not None:
                longest_ns, since_ns = max(longest_ns, move.at_ns - since_ns), None
    if since_ns is not None:
        longest_ns = max(longest_ns, round(now_ms * 1e6) - since_ns)
    return longest_ns / 1e6


class Leaseless(LeasedOutput):
    """A build without the lease, as it must never ship: it drives and sets no timer."""

    def drive(self, lease_ms: int) -> None:
        self.hold()


def levels(rig: Rig) -> dict[int, bool]:
    """Where the pins of lock, lamp and magnet stand."""
    return {pin: rig.level(pin) for pin in AT_REST}


def full(*_: object) -> None:
    """A disk that takes nothing more."""
    raise OSError(28, "No space left on device")
