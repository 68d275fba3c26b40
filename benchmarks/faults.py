"""What is lost, doubled or unexplained when everything fails: `hearthgate-sim chaos`, and the figures of its audit.

Board, keeper and agent of each device, a broker that keeps little, and the cloud, as processes: killed at random, the
cloud also just as an acknowledgement appears, their cables cut and slowed. The audit reads the devices' files, the
cloud's rows and the boards' pin logs, and is code of its own.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks._machine import describe, work_folder
from benchmarks._report import finish, show
from benchmarks._town import require_mosquitto
from firmware_sim.worlds.demo.processes import scripts

MINUTES, DEVICES, SEED = 5.0, 8, 30
SHOWN = {
    "events": "events",
    "lost": "of them lost",
    "doubled": "of them doubled",
    "invented": "in the cloud and on no device",
    "resent_percent": "sent again, %",
    "commands": "commands, each sent twice",
    "commands_twice": "carried out twice",
    "moves": "times a lock left its rest",
    "unrecorded_moves": "with nothing that says why",
    "kills": "processes killed",
    "at_acks": "of them the cloud, at an acknowledgement",
    "cuts": "cables cut",
}


def chaos() -> dict[str, Any]:
    """The figures of the audit, also of a run that something can be said against."""
    arguments = ["--minutes", str(MINUTES), "--devices", str(DEVICES), "--seed", str(SEED), "--json"]
    done = subprocess.run(
        [scripts("hearthgate-sim"), "chaos", *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    last = done.stdout.splitlines()[-1]
    return dict(json.loads(last))


def main() -> None:
    require_mosquitto()
    with work_folder() as name:
        machine = describe(Path(name))
    found = chaos()
    rows = [[what, f"{found[key]:,}"] for key, what in SHOWN.items()]
    show(f"{found['devices']} devices, {found['minutes']:g} minutes, seed {found['seed']}", ("counted", ""), rows)
    finish("faults", {**found, "unwanted": found["lost"] + found["doubled"] + found["invented"]}, machine)


if __name__ == "__main__":
    main()
