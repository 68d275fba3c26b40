"""``hearthgate-cloud import`` and ``export``: people in from a file, and everything out into a folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from cloud.cli_parts import BY, HERE, FolderOption, JsonOption, fail, tell
from cloud.exchange.export import EVENT_DAYS, ExportChoice, ExportService, csv_text, ndjson_text, write_sqlite
from cloud.exchange.rule import TableProblem
from cloud.exchange.service import ImportReport, ImportService
from cloud.exchange.sheet import NoTable
from cloud.keys.folder import clock, open_folder
from service.exit_codes import Exit

SHOWN = 50
"""Lines that are printed; more are counted, and all are there with --json."""

FileArgument = Annotated[Path, typer.Argument(help="A table of people: CSV in UTF-8, UTF-16 or GBK.")]
OutArgument = Annotated[Path, typer.Argument(help="A new or empty folder.")]


def import_people(
    file: FileArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what the file would do.")] = False,
    new_flats: Annotated[bool, typer.Option("--new-flats", help="Make the flats that are not there yet.")] = False,
    new_companies: Annotated[
        bool, typer.Option("--new-companies", help="Make the companies that are not there yet.")
    ] = False,
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Take people, their plans and their cards in from a table. All of it is done, or nothing."""
    content = file.read_bytes()
    with open_folder(folder) as (store, keys):
        try:
            service = ImportService(store, keys, clock)
            report = service.run(BY, content, apply=not dry_run, new_flats=new_flats, new_companies=new_companies)
        except NoTable as wrong:
            fail(f"{file}: {wrong}")
    tell(as_json, report_json(report), *report_lines(report, file.name))
    if report.problems:
        raise SystemExit(Exit.MENDABLE)
    if not (report.applied or dry_run):
        raise SystemExit(Exit.SECOND_STEP)


def export_all(
    out: OutArgument,
    as_csv: Annotated[bool, typer.Option("--csv", help="A file for each table, for spreadsheets.")] = False,
    as_ndjson: Annotated[bool, typer.Option("--ndjson", help="A file for each table, a line of JSON a row.")] = False,
    as_sqlite: Annotated[bool, typer.Option("--sqlite", help="One database, hearthgate.db.")] = False,
    numbers: Annotated[bool, typer.Option("--numbers", help="With numbers of cards; the audit says so.")] = False,
    event_days: Annotated[int, typer.Option(min=0, max=3650, help="Events of the last so many days.")] = EVENT_DAYS,
    folder: FolderOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Write people, plans, cards, flats, points and events into files."""
    if not (as_csv or as_ndjson or as_sqlite):
        fail("say as what: --csv, --ndjson or --sqlite")
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        fail(f"{out} is not empty: name a new folder")
    with open_folder(folder) as (store, keys):
        tables = ExportService(store, keys, clock).tables(BY, ExportChoice(numbers, event_days))
    for name, rows in tables.items():
        if as_csv:
            (out / f"{name}.csv").write_text(csv_text(rows), encoding="utf-8", newline="")
        if as_ndjson:
            (out / f"{name}.ndjson").write_text(ndjson_text(rows), encoding="utf-8")
    if as_sqlite:
        write_sqlite(out / "hearthgate.db", tables)
    counts = {name: len(rows) for name, rows in tables.items()}
    said = f"{out}: " + ", ".join(f"{count} {name}" for name, count in counts.items())
    tell(as_json, {"folder": str(out), "rows": counts}, said)


def report_lines(report: ImportReport, name: str) -> Iterator[str]:
    """What is printed of an import: each line that does something, each that is refused, and the sum."""
    doing = [line for line in report.lines if line.done and not report.problems]
    for line in doing[:SHOWN]:
        yield f"line {line.line}: adds {', '.join(line.done)}"
    if len(doing) > SHOWN:
        yield f"and {_counted(len(doing) - SHOWN, 'line')} more"
    for problem in report.problems:
        yield f"{where_of(problem)}: {problem.why}"
    for option, new in (("flats", report.new_flats), ("companies", report.new_companies)):
        if new and not (report.applied or report.problems):
            names = [f"{name} (line {line})" for name, line in new.items()]
            more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
            yield f"new {option}: {', '.join(names[:SHOWN] + more)}; they are made with --new-{option}"
    same = len(report.lines) - len(doing)
    if report.problems:
        yield f"{name}: {_counted(len(report.problems), 'problem')}: nothing was changed"
    else:
        did = "done" if report.applied else "nothing was changed"
        yield f"{name}: {_counted(len(doing), 'line')} with something new, {same} without: {did}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def where_of(problem: TableProblem) -> str:
    """The line of a problem, with its column where it has one."""
    return f"line {problem.line}, column {problem.column}" if problem.column else f"line {problem.line}"


def report_json(report: ImportReport) -> dict[str, object]:
    """The same for programs."""
    return {
        "applied": report.applied,
        "lines": [{"line": line.line, "adds": list(line.done)} for line in report.lines],
        "new_flats": list(report.new_flats),
        "new_companies": list(report.new_companies),
        "problems": [{"line": one.line, "column": one.column, "message": str(one.why)} for one in report.problems],
    }
