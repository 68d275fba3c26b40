"""One seed, one story: to the byte, in any process."""

import os
import subprocess
import sys
from pathlib import Path

from tests.firmware_sim.support.towns import fingerprint

ROOT = Path(__file__).parents[4]


def elsewhere(seed: int, hash_seed: str) -> str:
    """The fingerprint as another process finds it."""
    program = f"from tests.firmware_sim.support.towns import fingerprint; print(fingerprint({seed}))"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


def test_the_same_seed_moves_the_same_pins_and_writes_the_same_rows_in_every_process() -> None:
    here = fingerprint(7)
    assert elsewhere(7, "1") == elsewhere(7, "4242") == here


def test_another_seed_tells_another_story() -> None:
    assert fingerprint(7) != fingerprint(8)
