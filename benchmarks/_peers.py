"""Programs of others that benchmarks use and nothing of ours needs: installed when they are first asked for."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from dev import ROOT

PEERS = ROOT / ".peers"
LOCK = Path(__file__).with_name("peers.lock")
MADE_FROM = "made-from"


class NotInstalled(Exception):
    """They are not there; the text says why."""


def install(*, may_install: bool = True) -> None:
    """Put the packages of ``peers.lock`` into ``.peers``, without what they depend on, unless they are there. Raises
    ``NotInstalled``."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    stamp = PEERS / MADE_FROM
    if stamp.is_file() and stamp.read_text() == digest:
        return
    if not may_install:
        raise NotInstalled("thingsboard-gateway is not installed")
    shutil.rmtree(PEERS, ignore_errors=True)
    uv = shutil.which("uv")
    pip = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    wanted = ["--quiet", "--no-deps", "--require-hashes", "--target", str(PEERS), "--requirement", str(LOCK)]
    done = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(PEERS, ignore_errors=True)
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise NotInstalled(f"thingsboard-gateway could not be installed: {last}")
    stamp.write_text(digest)
