"""How the cost of an event grows with the number of devices: the cloud's processor time for each, and its memory.

The shipped cloud and a real mosquitto as processes; this program is all devices, each a socket of its own. Every device
has sent once before the clock runs. Then single events come at a steady pace from all of them in turn, so that each is
a commit of its own, as in a quiet community.
"""

import selectors
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from time import monotonic

from benchmarks._machine import cpu_s, describe, resident_mib, work_folder
from benchmarks._report import finish, show
from benchmarks._senders import Device, make_senders
from benchmarks._town import Town, require_mosquitto, town
from benchmarks.ingest import SITE, found_with
from cloud.keys.folder import clock, make_folder

SIZES = (100, 1_000, 5_000)
EVENTS, EVENTS_PER_S = 1_500, 100
"""In all, whatever the number of devices."""
FIRST_AT_ONCE = 50
"""Devices that open their journals at once."""
WITHIN_S = 60.0


class Fleet:
    """All devices, and the waiting for their acknowledgements."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = devices
        self._waiting = selectors.DefaultSelector()
        for device in devices:
            self._waiting.register(device.socket, selectors.EVENT_READ, device)

    def read(self, seconds: float) -> None:
        for key, _ in self._waiting.select(max(0.0, seconds)):
            key.data.read(up_to=key.data.sent)

    def send(self, devices: Sequence[Device]) -> None:
        for device in devices:
            device.fill(up_to=device.sent + 1)

    def settle(self) -> None:
        """Until all that was sent is acknowledged. Raises ``TimeoutError``."""
        deadline_s = monotonic() + WITHIN_S
        while any(device.acked < device.sent for device in self.devices):
            self.read(0.1)
            if monotonic() > deadline_s:
                behind = sum(device.acked < device.sent for device in self.devices)
                raise TimeoutError(f"{behind} devices wait for an acknowledgement")

    def close(self) -> None:
        for device in self.devices:
            device.socket.close()


def measure(here: Town, fleet: Fleet) -> tuple[float, float]:
    """Milliseconds of the cloud's processor for an event, and its memory in MiB."""
    for start in range(0, len(fleet.devices), FIRST_AT_ONCE):
        fleet.send(fleet.devices[start : start + FIRST_AT_ONCE])
        fleet.settle()
    turns = islice(cycle(fleet.devices), EVENTS)
    began_s, spent_s = monotonic(), cpu_s(here.cloud.pid)
    for number, device in enumerate(turns):
        while (left_s := began_s + number / EVENTS_PER_S - monotonic()) > 0:
            fleet.read(left_s)
        fleet.send([device])
    fleet.settle()
    return (cpu_s(here.cloud.pid) - spent_s) / EVENTS * 1000, resident_mib(here.cloud.pid)


def of_so_many(folder: Path, count: int) -> dict[str, float]:
    folder.mkdir()
    senders = make_senders(SITE, count, 2 + EVENTS // count, 1, clock())
    with make_folder(folder / "cloud") as (store, keys):
        found_with(store, keys, senders)
    with town(folder) as here:
        fleet = Fleet([Device(here.broker.port, SITE, one.name, one.payloads, 1) for one in senders])
        event_ms, memory_mib = measure(here, fleet)
        fleet.close()
    return {"event_ms": round(event_ms, 3), "memory_mib": round(memory_mib, 1)}


def main() -> None:
    require_mosquitto()
    with work_folder() as name:
        found = {str(count): of_so_many(Path(name) / str(count), count) for count in SIZES}
        machine = describe(Path(name))
    rows = [[f"{int(size):,}", f"{one['event_ms']:.2f}", f"{one['memory_mib']:.0f}"] for size, one in found.items()]
    show(
        f"The cloud, {EVENTS_PER_S} events a second in all",
        ("devices", "processor time, ms an event", "memory MiB"),
        rows,
    )
    finish("devices", {"at": found}, machine)


if __name__ == "__main__":
    main()
