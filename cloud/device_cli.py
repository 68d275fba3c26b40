"""``hearthgate-cloud device``: devices registered, lost and listed."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from msgspec import to_builtins

from cloud import zone_cli
from cloud.cli_parts import BY, HERE, FolderOption, JsonOption, ago, by_words, english, fail, show, tell
from cloud.devices.registry import site_of
from cloud.devices.views import list_devices as registered_devices
from cloud.devices.wired import wired_device
from cloud.fleet.broker_config import broker_of
from cloud.fleet.service import Position, Registrar
from cloud.keys.ca import open_authority
from cloud.keys.folder import clock, open_folder
from cloud.points.zones import ZoneService, read_openings
from cloud.web.words import PRESENCES

app = typer.Typer(no_args_is_help=True, help="Register devices.")

DeviceArgument = Annotated[str, typer.Argument(help="The device's name, as its wiring says it.")]


@app.command("add")
def add_device(
    name: DeviceArgument,
    public_key: Annotated[str, typer.Option(help="What hearthgate-edge shows: 65 bytes as hex.")],
    out: Annotated[Path, typer.Option(help="Where to put what the device needs.")],
    folder: FolderOption = HERE,
    replace: Annotated[bool, typer.Option("--replace", help="A new Pi takes the old one's place.")] = False,
    wiring: Annotated[Path | None, typer.Option(help="Its configuration file, which says what its points are.")] = None,
    opened: zone_cli.OpenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register a device from this machine, without a code, and write the keys and the certificate that it needs.

    Zones that its wiring names are made where they are missing; with --open-for those that no plan opens yet are
    opened for a plan.
    """
    openings = read_openings(opened or ())
    try:
        public = bytes.fromhex(public_key)
    except ValueError:
        fail(f"the public key is no hex text: {public_key!r}")
    try:
        text = wiring.read_bytes().decode() if wiring else ""
    except (OSError, UnicodeDecodeError) as wrong:
        fail(f"{wiring} cannot be read: {wrong}")
    with open_folder(folder) as (store, keys):
        with store.reading() as connection:
            meant = site_of(connection).name, name
        if wiring and wired_device(text) != meant:
            _fail_names(wiring, wired_device(text), meant)
        registrar = Registrar(store, keys, open_authority(keys.folder, clock()), folder, clock)
        admission = registrar.admit(public, text, Position(name, replace=replace), BY)
        ZoneService(store, clock).open(BY, admission.placed.closed if openings else (), openings)
        registrar.hand_out(name, admission.bundle, out)
        if replace and broker_of(folder) is not None and not registrar.cut_off(name):
            typer.echo("its predecessor's connection at the broker still has to be ended", err=True)
    unwired = [] if wiring else ["without --wiring the cloud knows only the points that it knew before"]
    tell(
        as_json,
        {"device": name, "keys": str(out), **to_builtins(admission.placed)},
        f"{name} is registered; its keys are in {out}",
        *zone_cli.placement_lines(admission.placed, openings, folder),
        *unwired,
    )


def _fail_names(wiring: Path, written: tuple[str, str], meant: tuple[str, str]) -> NoReturn:
    written_names, needed = (f'site = "{site}" and name = "{name}"' for site, name in (written, meant))
    fail(f"{wiring} says {written_names}: below [device] write {needed}")


@app.command("lost")
def lose_device(name: DeviceArgument, folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """A device was stolen or thrown away: believe it no more, cut it off, and list the cards to re-issue."""
    with open_folder(folder) as (store, keys):
        registrar = Registrar(store, keys, open_authority(keys.folder, clock()), folder, clock)
        loss = registrar.lose(name, BY)
        cut = loss.told and registrar.cut_off(name)
    cards = [{"name": card.name.en, "unit": card.unit, "card": card.label} for card in loss.cards]
    if as_json:
        tell(True, {"told": loss.told, "cut": cut, "cards": cards})
        return
    typer.echo(f"{name} is lost: its seal and its certificate count no longer")
    typer.echo("the broker has ended its connection" if cut else "its connection at the broker still has to be ended")
    if not cards:
        typer.echo("no card that is still in use lay on it")
        return
    typer.echo(
        "whoever has it has the site's digest key and finds these card numbers in minutes: give these people new "
        "cards. The key is the same on every device of the site; it is not changed by this"
    )
    show(cards, ("name", "unit", "card"), as_json=False)


@app.command("list")
def list_devices(folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Every registered device, and whether the cloud hears it."""
    with open_folder(folder) as (store, _):
        language, now_ms = english(store), clock()
        with store.reading() as connection:
            devices = registered_devices(connection)
    shown = [
        {
            "name": device.name,
            "presence": "lost" if device.lost_ms else device.presence(now_ms).value,
            "heard_ms": device.heard_ms,
            "heard": None if device.heard_ms is None else ago(device.heard_ms, now_ms),
            "lost_ms": device.lost_ms,
            "roster": device.roster_number,
            "waiting": device.waiting,
        }
        for device in devices
    ]
    columns = ("name", "presence", "heard_ms", "heard", "roster", "waiting")
    show(shown, columns, as_json, language, {"presence": by_words({**PRESENCES, "lost": "Lost"})})
