"""The shipped agent as a process, and what it says of itself."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edge.config.device_config import DeviceConfig
from firmware_sim.worlds.demo.processes import scripts


@contextmanager
def agent(config: DeviceConfig) -> Iterator[Path]:
    """Runs until the block ends; yields the socket that tells its status."""
    command = scripts("hearthgate-edge"), "run", "--config", str(config.path)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield config.run / "agent.sock"
    finally:
        process.terminate()
        process.wait()


async def status_of(path: Path) -> dict[str, Any] | None:
    """What the agent says now; None while it does not speak."""
    with suppress(OSError, ValueError):
        reader, writer = await asyncio.open_unix_connection(path)
        told = await reader.read()
        writer.close()
        return dict(json.loads(told))
    return None
