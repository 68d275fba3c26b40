"""``hearthgate-cloud zone``: where points stand, and who gets in there."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from cloud.cli_parts import BY, HERE, FolderOption, JsonOption, show, tell
from cloud.keys.folder import clock, open_folder
from cloud.points.zone_store import view_zones
from cloud.points.zones import Placed, ZoneService, read_openings

app = typer.Typer(no_args_is_help=True, help="Where doors and sockets stand, and which plans open them.")

ZoneArgument = Annotated[str, typer.Argument(help="The zone's name, as wirings say it.")]
ZhOption = Annotated[str, typer.Option("--label-zh", help="Its name in Chinese.")]
EnOption = Annotated[str, typer.Option("--label-en", help="Its name in English.")]
OpenOption = Annotated[
    list[str] | None,
    typer.Option("--open-for", metavar="PLAN=HOURS", help="Let a plan in, such as resident=always; may be repeated."),
]


@app.command()
def add(
    name: ZoneArgument,
    label_zh: ZhOption = "",
    label_en: EnOption = "",
    opened: OpenOption = None,
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Make a zone, and say whose plan opens it. One that exists stays, and is opened for further plans."""
    openings = read_openings(opened or ())
    with open_folder(folder) as (store, _):
        made = ZoneService(store, clock).add(BY, name, label_zh, label_en, openings)
        with store.reading() as connection:
            closed = [zone.name for zone in view_zones(connection) if zone.closed and zone.name == name]
    placed = Placed(closed=closed or ([name] if openings else []))
    tell(
        as_json,
        {"zone": name, "made": made, "opened_for": openings, "closed": bool(closed)},
        f"zone {name} is made" if made else f"zone {name} was there already",
        *placement_lines(placed, openings, folder),
    )


@app.command("list")
def list_zones(folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """Every zone, how many points stand in it, and which plans open it in which hours."""
    with open_folder(folder) as (store, _), store.reading() as connection:
        zones = view_zones(connection)
    shown = [
        {
            "name": zone.name,
            "zh": zone.label.zh,
            "en": zone.label.en,
            "points": zone.points,
            "opened_by": zone.opened_by if as_json else _openings(zone.opened_by) or "no plan: nobody gets in",
        }
        for zone in zones
    ]
    show(shown, ("name", "zh", "en", "points", "opened_by"), as_json)


@app.command()
def rename(
    name: ZoneArgument,
    label_zh: ZhOption = "",
    label_en: EnOption = "",
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Call a zone something else on screens. Its name in wirings stays."""
    with open_folder(folder) as (store, _):
        ZoneService(store, clock).rename(BY, name, label_zh, label_en)
    tell(as_json, {"zone": name, "zh": label_zh, "en": label_en}, f"zone {name} is called {label_zh or label_en} now")


def placement_lines(placed: Placed, openings: Mapping[str, str], folder: Path) -> Iterator[str]:
    """What an installer should know of the zones and points of a device, a line each. Closed zones were opened if there
    are openings."""
    for zone in placed.zones:
        yield f"zone {zone} is made: its wiring names it"
    for zone in placed.closed:
        if openings:
            yield f"zone {zone} is open now for {_openings(openings)}"
            continue
        yield (
            f"no plan opens zone {zone}: nobody gets in there; open it for one: "
            f"hearthgate-cloud zone add {zone} --open-for resident=always --dir {shlex.quote(str(folder))}"
        )
    for point, why in placed.left_out.items():
        yield f"point {point} is left out: {why}"


def _openings(hours_by_plan: Mapping[str, str]) -> str:
    return ", ".join(f"{plan}={hours}" for plan, hours in hours_by_plan.items())
