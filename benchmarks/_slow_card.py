"""The shipped agent with a journal on a slow card: `python -m benchmarks._slow_card run --config FILE`.

Every flush takes as long as one did on the SD card of the model: lognormal, median 8 ms, sigma 0.9 (one in a hundred
takes more than 65 ms). What is written without a flush goes to the page cache and is as fast as ever.
"""

from math import log
from random import Random
from time import sleep

from edge.__main__ import main
from edge.journal.journal import Journal

MEDIAN_S, SIGMA = 0.008, 0.9

chance = Random(1)
shipped_flush = Journal.flush


def flush(self: Journal) -> int:
    sleep(chance.lognormvariate(log(MEDIAN_S), SIGMA))
    return shipped_flush(self)


if __name__ == "__main__":
    Journal.flush = flush  # type: ignore[method-assign]
    main()
