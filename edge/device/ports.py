"""What one device touches of the world, so that the same device lives on a Raspberry Pi and in virtual time."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from concurrent.futures import Executor
from random import Random

from msgspec import Struct

from edge.config.peripherals import Bus, Scanner
from edge.identity.credentials import Credentials
from edge.identity.identity import Identity
from edge.instruments.serial_line import BusPort
from edge.journal.journal import Journal
from edge.keeper.protocol import KeeperPort
from edge.link.connection_number import ConnectionNumber
from edge.link.sealed_channel import Link
from edge.machine.clock import DeviceClock
from edge.memory.memory import Memory
from edge.remote.remote import Machine
from edge.roster.store import RosterStore
from edge.scanners.scanning import ScannerPort


def _no_bus(bus: Bus) -> BusPort:
    raise LookupError(f"nobody here can open the bus {bus.name}")


def _no_scanner(scanner: Scanner) -> ScannerPort:
    raise LookupError(f"nobody here can open the scanner {scanner.device}")


class Ports(Struct, frozen=True):
    """What a device is given: its clock, its files, its lines, and the executors its disk work runs in."""

    loop: AbstractEventLoop
    clock: DeviceClock
    identity: Identity
    journal: Journal
    roster: RosterStore
    memory: Memory
    keeper: KeeperPort
    link: Link
    random: Random
    number: ConnectionNumber | None = None
    """What counts the link's connections, where that outlives this process."""
    writer: Executor | None = None
    flusher: Executor | None = None
    roster_writer: Executor | None = None
    memory_writer: Executor | None = None
    machine: Machine = Machine()
    credentials: Credentials | None = None
    """What is shown to a broker under TLS, and renewed there."""
    free_bytes: Callable[[], int] | None = None
    """What is free on the disk that holds the files, or nothing where there is none to watch."""
    open_bus: Callable[[Bus], BusPort] = _no_bus
    """The line of a bus, which comes and goes by itself."""
    open_scanner: Callable[[Scanner], ScannerPort] = _no_scanner
    """The line of a scanner, which comes and goes by itself."""
    serve_posts: bool = True
    """Whether charging posts can connect. In virtual time none can, for nobody waits there for a socket."""
