"""What the commands of ``hearthgate-cloud`` share: their options, how they show a list, and how they fail."""

import json
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.box import HEAVY_HEAD

from service.tables import print_tables, table
from service.version import version_of

FolderOption = Annotated[Path, typer.Option("--dir", "-d", help="The community's folder, made by init.")]
KindsOption = Annotated[
    list[Path] | None, typer.Option("--kinds", help="A folder of further kinds of station, in its kinds.")
]
LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HERE = Path()
BY = "command line"


VersionOption = Annotated[
    bool,
    typer.Option(
        "--version", callback=version_of("hearthgate-cloud"), is_eager=True, help="Print the version and end."
    ),
]


def fail(message: str) -> NoReturn:
    """What the user can mend is one line and exit code 2."""
    typer.echo(f"hearthgate-cloud: {message}", err=True)
    raise SystemExit(2)


def moment(at_ms: int) -> str:
    """A time to read, in UTC; as it is where no calendar holds it, for devices may say anything."""
    try:
        return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return str(at_ms)


def ago(at_ms: int, now_ms: int) -> str:
    """A time to read, and how long ago that was."""
    gone_s = max(0, now_ms - at_ms) // 1000
    spans = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))
    count, unit = next(((gone_s // size, unit) for size, unit in spans if gone_s >= 2 * size), (gone_s, "s"))
    return f"{moment(at_ms)}, {count} {unit} ago"


NEXT_STEPS = (
    ("the setup as a file", "hearthgate-cloud setup export setup.toml --dir {folder}"),
    ("the setup, once edited", "hearthgate-cloud setup apply setup.toml --dry-run --dir {folder}"),
    ("a broker for other machines", "hearthgate-cloud broker-config --host HOST --dir {folder}"),
    ("the cloud and its console", "hearthgate-cloud serve --dir {folder}"),
    ("another operator", "hearthgate-cloud user add NAME --role guard --dir {folder}"),
    ("a device", "hearthgate-edge adopt https://HOST:8400 --ca FINGERPRINT"),
)


def show_next_steps(folder: Path) -> None:
    """Say where a new community is, and what is typed next."""
    typer.echo(f"the community is in {folder.absolute()}: its keys and its database. What comes next:")
    for what, command in NEXT_STEPS:
        typer.echo(f"  {what + ':':30}{command.format(folder=shlex.quote(str(folder)))}")


def show(rows: Sequence[Any], columns: Iterable[str], as_json: bool) -> None:
    """A list, as JSON or as a table. In a table a time (``began_ms``) is a date under its short name (``began``)."""
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    names = list(columns)
    cells = ([_cell(name, row[name]) for name in names] for row in rows)
    print_tables(table((name.removesuffix("_ms") for name in names), cells, box=HEAVY_HEAD))


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    return moment(value) if name.endswith("_ms") and isinstance(value, int) else str(value)
