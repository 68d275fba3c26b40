"""The least a process can do on a simulated board: answer every bit of a reader by moving a pin.

`python -m benchmarks._reflex SOCKET D0 D1 OUTPUT`; it ends with the board.
"""

import sys
import threading

from firmware_sim.board.remote_board import RemoteLines


def main(path: str, d0: int, d1: int, output: int) -> None:
    level, ready = False, threading.Event()

    def answer(_pin: int, _level: bool, _at_ns: int) -> None:
        nonlocal level
        if ready.is_set():
            level = not level
            lines.write(output, level)

    lines = RemoteLines(path, answer)
    lines.claim_output(output, level)
    for pin in (d0, d1):
        lines.claim_input(pin, "up")
        lines.watch(pin, "falling", 0)
    ready.set()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
