"""``hearthgate-cloud audit``: the tip of the operators' audit, and whether the audit agrees with those written down."""

import json
from pathlib import Path
from typing import Annotated

import typer
from msgspec import to_builtins

from cloud.cli_parts import HERE, FolderOption, JsonOption, fail, tell
from cloud.keys.folder import clock, open_folder
from cloud.operators.tip import BadTips
from cloud.operators.tips import AuditTipService
from service.exit_codes import Exit

app = typer.Typer(no_args_is_help=True, help="What operators did, and whether somebody changed it since.")


@app.command()
def tip(folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """The newest row of the audit and its link, to be kept where nobody can change it."""
    with open_folder(folder) as (store, _):
        found = AuditTipService(store, folder, clock).tip()
    if found is None:
        fail("nothing stands in the audit yet")
    tell(as_json, to_builtins(found), f"row {found.row}: {found.link}")


@app.command()
def verify(
    folder: FolderOption = HERE,
    tips: Annotated[Path | None, typer.Option(help="A copy of the tips. [default: those in the folder]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Follow the chain of the audit from its first row, and compare it with the tips of every day. Exit code 1: it was
    changed."""
    with open_folder(folder) as (store, _):
        service = AuditTipService(store, folder, clock)
        try:
            found = service.verify(service.read(tips) if tips else service.all())
        except BadTips as wrong:
            fail(f"{tips or folder}: {wrong}")
    if as_json:
        typer.echo(json.dumps({"whole": found.is_whole, **to_builtins(found)}))
    else:
        counts = {how: sum(one.how == how for one in found.findings) for how in ("agrees", "deleted")}
        if found.broken is not None:
            typer.echo(f"row {found.broken} does not follow from the rows before it")
        for one in found.findings:
            if one.how == "differs":
                typer.echo(f"the tip of {one.tip.day} is another: row {one.tip.row} or one before it was changed")
        typer.echo(f"{counts['agrees']} tips agree; {counts['deleted']} are of rows older than the audit is held")
        if found.is_whole:
            typer.echo("the audit is whole")
    if not found.is_whole:
        raise SystemExit(Exit.NOT_SO)
