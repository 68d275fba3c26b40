"""The packages that a program needs and that its extra installs: whoever lacks one is told which extra."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

OF_CHARGING = {"ocpp", "pymodbus", "websockets"}
"""Imported by a device only once its wiring names meters or charging posts."""
OURS = {"benchmarks", "cloud", "contract", "dev", "edge", "firmware_sim", "service", "tests"}


@contextmanager
def needs(program: str, extra: str) -> Iterator[None]:
    """Around a program: a package that is not installed ends it with one line and exit code 2."""
    try:
        yield
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package in OURS | sys.stdlib_module_names:
            raise
        of = "charging" if package in OF_CHARGING and extra == "edge" else extra
        print(f"{program}: {package} is not installed: pip install 'hearthgate[{of}]'", file=sys.stderr)
        sys.exit(2)
