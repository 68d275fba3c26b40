"""The shipped agent as its systemd unit starts it, real-time priority permitted and guarded:
`python -m benchmarks._in_real_time run --config FILE`.

Only the limit that needs a permission of its own is pretended; the priority itself is asked of the kernel.
"""

import resource

from edge.__main__ import main
from edge.device.process import REAL_TIME_PRIORITY

PAUSE_US = 200_000

shipped_limit = resource.getrlimit


def limit(which: int) -> tuple[int, int]:
    return (REAL_TIME_PRIORITY,) * 2 if which == resource.RLIMIT_RTPRIO else shipped_limit(which)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_RTTIME, (PAUSE_US, resource.RLIM_INFINITY))
    resource.getrlimit = limit
    main()
