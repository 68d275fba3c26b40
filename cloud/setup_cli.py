"""``hearthgate-cloud setup``: the whole setup of a community as one file, exported and put in place."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cloud.cli_parts import BY, HERE, FolderOption, JsonOption, fail, tell
from cloud.keys.folder import clock, open_folder
from cloud.setup.csv_rows import write_csv
from cloud.setup.document import BOUNDS, SetupFile
from cloud.setup.service import NeedsAccept, SetupService
from cloud.setup.summary import lines_of, values_of
from cloud.setup_tables import SETUP_TABLES
from cloud.store.database import Store
from service.exit_codes import Exit

app = typer.Typer(no_args_is_help=True, help="The setup of the community as one file.")

MAX_BYTES = 4 * BOUNDS.characters


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write it; flats stand in a CSV file beside it.")],
    folder: FolderOption = HERE,
    replace: Annotated[bool, typer.Option("--replace", help="Write over files that are there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write what stands: zones, hours, plans, points, flats, cells, duties, retention. No person, card or secret."""
    with open_folder(folder) as (store, _):
        setup = setup_service(store)
        beside = {f"{file.stem}-{table.csv}.csv": table for table in setup.beside}
        rows = {name: setup.rows(table) for name, table in beside.items()}
        written = {file.parent / name: write_csv(found, beside[name].kind) for name, found in rows.items() if found}
        written = {file: setup.export({table.csv: name for name, table in beside.items()}), **written}
    for path in written:
        if path.exists() and not replace:
            fail(f"{path} is there already: name another file, or --replace it")
    for path, text in written.items():
        path.write_text(text, encoding="utf-8", newline="")
    tell(as_json, {"written": [str(path) for path in written]}, *(f"written: {path}" for path in written))


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="A setup, as export writes it. A table that it lacks stays as it is.")],
    folder: FolderOption = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change, and for whom.")] = False,
    accept: Annotated[str, typer.Option(help="The code of a grave change, to carry it out.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Put a setup in place, all of it or nothing. Exit code 3: the change is grave and wants its code."""
    setup_file = read_file(file)
    with open_folder(folder) as (store, _):
        setup = setup_service(store)
        needed = None
        try:
            preview = setup.preview(setup_file, BY) if dry_run else setup.apply(setup_file, BY, accept)
        except NeedsAccept as wants:
            needed = preview = wants.preview
    is_done = needed is None and not dry_run
    tell(as_json, values_of(preview, is_done=is_done), *lines_of(preview, is_done=is_done))
    if needed:
        command = f"hearthgate-cloud setup apply {shlex.quote(str(file))} --accept {needed.code}"
        wrong = f"{accept} is not the code of this change, or something was changed since; " if accept else ""
        again = f"{command} --dir {shlex.quote(str(folder))}"
        typer.echo(f"{wrong}nothing was changed; to carry it out: {again}", err=True)
        raise SystemExit(Exit.SECOND_STEP)


def read_file(path: Path) -> SetupFile:
    """A setup with the CSV files beside it, read within bounds. What cannot be read is one line and exit code 2."""
    beside = {one.name: _bytes_of(one) for one in sorted(path.parent.glob("*.csv"))}
    return SetupFile(_bytes_of(path), path.name, beside)


def _bytes_of(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        fail(f"{path} has more than {MAX_BYTES} bytes: write a smaller setup")
    return path.read_bytes()


def setup_service(store: Store) -> SetupService:
    """The service over the tables of all domains."""
    return SetupService(store, clock, SETUP_TABLES)
