"""The event storage of the ThingsBoard IoT Gateway at work: `python _peer_storage.py FOLDER EVENTS BATCH BYTES`.

A process of its own, with the gateway's package on the path and nothing of ours. Prints the processor time of one
event, in microseconds: stored, read back in batches, and forgotten, as the gateway itself does it.
"""

import logging
import sys
from importlib import import_module
from threading import Event
from time import monotonic, process_time, sleep
from typing import Any

WITHIN_S = 120.0


class Logger(logging.Logger):
    """The gateway's own level."""

    def trace(self, *_arguments: object, **_more: object) -> None:
        """Nothing is logged."""


def cost_us(folder: str, count: int, batch: int, size: int) -> float:
    """Raises ``TimeoutError`` where it hands nothing back any more."""
    storages = import_module("thingsboard_gateway.storage.sqlite.sqlite_event_storage")
    settings = {"data_file_path": f"{folder}/", "max_read_records_count": batch, "writing_batch_size": batch}
    storage: Any = storages.SQLiteEventStorage(settings, Logger("storage", logging.CRITICAL), Event())
    message, deadline_s, got_back = "x" * size, monotonic() + WITHIN_S, 0
    began_s = process_time()
    for _ in range(count):
        storage.put(message)
    while got_back < count:
        pack = storage.get_event_pack()
        got_back += len(pack)
        if pack:
            storage.event_pack_processing_done()
        elif monotonic() > deadline_s:
            raise TimeoutError(f"{got_back} events of {count} came back")
        else:
            sleep(0.05)
    spent_s = process_time() - began_s
    storage.stop()
    return spent_s / count * 1e6


if __name__ == "__main__":
    print(cost_us(sys.argv[1], *map(int, sys.argv[2:])))
