"""``hearthgate-cloud verify-export``: whether a file that was given to an authority is whole. It needs nothing else.
``hearthgate-cloud keys`` prints what its keys are compared with."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from msgspec import to_builtins

from cloud.authority.proof import MAX_LINE, Broken, NoExport, Report, verify_export
from cloud.authority.service import AuthorityService
from cloud.cli_parts import HERE, FolderOption, JsonOption, fail, moment, tell
from cloud.keys.folder import clock, open_folder
from cloud.web.i18n import ENGLISH, languages
from service.exit_codes import Exit


def verify(
    file: Annotated[Path, typer.Argument(help="The file, as it was handed over.")],
    as_json: JsonOption = False,
) -> None:
    """Follow every seal and chain in an export to an authority. Exit code 1: it was changed."""
    try:
        report = verify_export(_lines(file))
    except NoExport as wrong:
        fail(f"{file}: {wrong}")
    except OSError as wrong:
        fail(f"{file}: {wrong.strerror}")
    except Broken as wrong:
        typer.echo(json.dumps({"whole": False, "why": str(wrong)}) if as_json else f"{file}: NOT WHOLE: {wrong}")
        raise SystemExit(Exit.NOT_SO) from None
    if as_json:
        typer.echo(json.dumps({"whole": True, **to_builtins(report)}, ensure_ascii=False))
        return
    for line in _said(report):
        typer.echo(line)


def show_keys(folder: FolderOption = HERE, as_json: JsonOption = False) -> None:
    """The public keys of this community, for whoever verifies an export. They are no secret."""
    with open_folder(folder) as (store, keys):
        found = AuthorityService(store, keys, clock).public_keys()
    tell(as_json, to_builtins(found), *_listed(found.cloud, found.devices))


def _listed(cloud: str, devices: Mapping[str, str]) -> Iterator[str]:
    yield f"  cloud: {cloud}"
    yield from (f"  {device}: {key}" for device, key in sorted(devices.items()))


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as lines:
        while line := lines.readline(MAX_LINE + 1):
            yield line


def _said(report: Report) -> Iterator[str]:
    head = report.head
    officers = ", ".join(f"{one.name} ({one.number})" for one in head.officers)
    yield f"whole: document {head.document} of {head.site}, for {officers}"
    language = languages(ZoneInfo("UTC"))[ENGLISH]  # The file says of no site on which clock it lives.
    yield f"from {moment(head.from_ms, language)} to {moment(head.until_ms, language)}"
    yield f"entered by {head.entered_by}, released by {head.released_by}"
    yield f"{report.proved} events are proved by the seals of their devices"
    yield f"{report.by_cloud} events rest on the seal of the community's cloud alone"
    yield f"{report.withheld} events between them are withheld, as they are nobody's business"
    yield "compare these keys with what the community shows under For authorities, or by hearthgate-cloud keys:"
    yield from _listed(report.cloud_key, report.keys)
    yield f"audit of the operators: row {head.audit_row}, {head.audit_link}"
