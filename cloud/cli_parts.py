"""What the commands of ``hearthgate-cloud`` share: their options, how they show a list, and how they fail."""

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NoReturn
from zoneinfo import ZoneInfo

import typer
from rich.box import HEAVY_HEAD

from cloud.devices.registry import site_of
from cloud.store.database import Store
from cloud.web import words
from cloud.web.i18n import ENGLISH, LAST_MS, Language, languages
from cloud.web.words import Said
from contract.phrases import Phrase
from service.exit_codes import Exit
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
    raise SystemExit(Exit.MENDABLE)


def tell(as_json: bool, values: Mapping[str, Any], *lines: str) -> None:
    """What a command has done: as values for a program, or in lines to read."""
    if as_json:
        typer.echo(json.dumps(values, ensure_ascii=False))
    for line in () if as_json else lines:
        typer.echo(line)


def site_zone(store: Store) -> ZoneInfo:
    with store.reading() as connection:
        return ZoneInfo(site_of(connection).zone)


def english(store: Store) -> Language:
    """English, with times of the site's clock."""
    return languages(site_zone(store))[ENGLISH]


def moment(at_ms: int, language: Language) -> str:
    """A time to read, with the zone of its clock; as it is where no calendar holds it, for devices may say anything."""
    return f"{language.moment(at_ms)} {language.zone_name}" if 0 <= at_ms < LAST_MS else str(at_ms)


def ago(at_ms: int, now_ms: int) -> str:
    """How long ago that was, in its largest unit of which there are two at least."""
    gone_s = max(0, now_ms - at_ms) // 1000
    spans = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))
    count, unit = next(((gone_s // size, unit) for size, unit in spans if gone_s >= 2 * size), (gone_s, "s"))
    return f"{count} {unit} ago"


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


AS_IT_IS: Mapping[str, Callable[[Any], Said]] = MappingProxyType({})


def by_words(table: Mapping[Any, Said]) -> Callable[[Any], Said]:
    """How a value is said by a table of words."""
    return partial(words.of, table)


def show(
    rows: Sequence[Mapping[str, Any]],
    columns: Iterable[str],
    as_json: bool,
    language: Language | None = None,
    said: Mapping[str, Callable[[Any], Said]] = AS_IT_IS,
) -> None:
    """A list, as JSON or as a table. In a table a time (``began_ms``) is a date under its short name, in the zone of
    the language, and values of the columns in ``said`` are put in words by it."""
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    names = list(columns)
    cells = ([_cell(name, row[name], language, said.get(name, str)) for name in names] for row in rows)
    print_tables(table((_title(name, language) for name in names), cells, box=HEAVY_HEAD))


def _title(name: str, language: Language | None) -> str:
    is_time = language is not None and name.endswith("_ms")
    return f"{name.removesuffix('_ms')} ({language.zone_name})" if language and is_time else name.replace("_", " ")


def _cell(name: str, value: Any, language: Language | None, words_of: Callable[[Any], Said]) -> str:
    if value in (None, ""):
        return ""
    if language and name.endswith("_ms"):
        return moment(value, language).removesuffix(f" {language.zone_name}")
    said = words_of(value)
    return said.en if isinstance(said, Phrase) else said
