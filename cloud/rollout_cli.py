"""``hearthgate-cloud rollout``: how devices are wired, one first and then all."""

from pathlib import Path
from typing import Annotated

import typer

from cloud.cli_parts import BY, HERE, FolderOption, JsonOption, by_words, fail, show, tell
from cloud.fleet.service import NoSuchRollout, RolloutService
from cloud.fleet.store import list_rollouts
from cloud.keys.folder import clock, open_folder
from cloud.web.words import LEGS, ROLLOUTS

app = typer.Typer(no_args_is_help=True, help="Change how devices are wired, one first and then all.")


@app.command("start")
def start(
    wirings: Annotated[Path, typer.Argument(metavar="FOLDER", help="A configuration file NAME.toml for each device.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit.")],
    canary: Annotated[str, typer.Option(help="The device that goes first. [default: the first by name]")] = "",
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Bring wirings to their devices. The running cloud carries it through."""
    try:
        texts = {path.stem: path.read_bytes().decode() for path in sorted(wirings.glob("*.toml"))}
        if not texts:
            fail(f"{wirings} holds no file NAME.toml: put one there for each device")
        with open_folder(folder) as (store, _):
            started = RolloutService(store, clock).start(texts, BY, reason, canary=canary)
    except UnicodeDecodeError as wrong:
        fail(f"{wirings}: a file is no text: {wrong}")
    first = f"to {started.canary} first, in all to {len(started.legs)}"
    tell(as_json, {"id": started.id}, f"roll-out {started.id} goes {first}")


@app.command("list")
def list_all(folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """The newest, each of their devices with its state and why."""
    with open_folder(folder) as (store, _), store.reading() as connection:
        rollouts = list_rollouts(connection)
    shown = [
        {
            "rollout": rollout.id,
            "state": rollout.state,
            "device": leg.device,
            "is": leg.state,
            "why": leg.why or rollout.why,
        }
        for rollout in rollouts
        for leg in rollout.legs
    ]
    said = {"state": by_words(ROLLOUTS), "is": by_words(LEGS)}
    show(shown, ("rollout", "state", "device", "is", "why"), as_json, said=said)


@app.command("stop")
def stop(
    rollout: Annotated[str, typer.Argument(help="Its id, as rollout list shows it.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit.")],
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Take back what is not applied yet. The running cloud does it within seconds."""
    try:
        with open_folder(folder) as (store, _):
            RolloutService(store, clock).stop(rollout, BY, reason)
    except NoSuchRollout:
        fail(f"there is no roll-out {rollout}; see hearthgate-cloud rollout list")
    tell(as_json, {"id": rollout, "state": "stopping"}, f"roll-out {rollout} is being stopped")
