"""The simulated board, above everything else on the machine where that is allowed: a real one waits for no scheduler.

`python -m benchmarks._board board --config FILE …`, as `hearthgate-sim board`.
"""

import os
from contextlib import suppress

from edge.keeper.process import PRIORITY
from firmware_sim.cli import main

if __name__ == "__main__":
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY + 1))
    main()
