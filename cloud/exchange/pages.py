"""The pages of import and export: a file is uploaded, looked at and carried out, and everything comes out as a file."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Annotated
from zipfile import ZIP_DEFLATED, ZipFile

from fastapi import APIRouter, Depends, UploadFile
from fastapi.responses import HTMLResponse, Response

from cloud.exchange.export import (
    MAX_EVENTS,
    ExportChoice,
    ExportService,
    csv_text,
    ndjson_text,
    write_sqlite,
)
from cloud.exchange.rule import COLUMNS, TableProblem
from cloud.exchange.service import ImportReport, ImportService
from cloud.exchange.sheet import NoTable
from cloud.web.context import N_, RequestContext, Said, page_for, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import Clerk, Fields
from cloud.web.looks import Purpose, read_purpose
from cloud.web.rejected import Rejected
from cloud.web.roles import Right

MAX_UPLOAD_BYTES = 4 * 1024 * 1024
"""Of a file that a browser sends: a table of 10,000 people has a quarter of it."""
MAX_HELD = 4
"""Uploaded files that wait to be carried out; the oldest goes."""
LINES_SHOWN = 200
DONE_WORDS: Mapping[str, str] = {
    "person": N_("a person"),
    "flat": N_("a flat"),
    "company": N_("a company"),
    "member": N_("a member"),
    "role": N_("another role"),
    "name": N_("another name"),
    "born": N_("the month of birth"),
    "tag": N_("a tag"),
    "plan": N_("a plan"),
    "card": N_("a card"),
}
APPLIED = N_("Done. Online doors apply it within a second, offline ones when they reconnect.")
NOTHING_UPLOADED = N_("Choose a file. Nothing was changed.")
NOT_TICKED = N_("Tick that the new flats and companies are to be made, or correct the file. Nothing was changed.")
GONE = N_("The file is no longer held, or it was another one: upload it again. Nothing was changed.")
NO_TABLE = N_("This is no table that can be read: %(why)s. Nothing was changed.")

Exporting = Annotated[RequestContext, Depends(page_for(Right.PEOPLE))]
Imports = Annotated[ImportService, Depends(service(ImportService))]
Exports = Annotated[ExportService, Depends(service(ExportService))]


class HeldFiles:
    """Files that were uploaded and looked at, until they are carried out: the newest of each login. Any thread may use
    it."""

    def __init__(self) -> None:
        self._by_login: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = Lock()

    def hold(self, login: bytes, content: bytes) -> str:
        """The code by which the file is asked for."""
        with self._lock:
            self._by_login.pop(login, None)
            self._by_login[login] = content
            while len(self._by_login) > MAX_HELD:
                self._by_login.popitem(last=False)
        return _code(content)

    def take(self, login: bytes, code: str) -> bytes | None:
        """The file of that code, which is held no longer; None if there is none."""
        with self._lock:
            content = self._by_login.get(login)
            if content is None or _code(content) != code:
                return None
            return self._by_login.pop(login)


def _code(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


Held = Annotated[HeldFiles, Depends(service(HeldFiles))]

router = APIRouter()
NAV = (
    Nav(NavGroup.OFFICE, "/import", N_("Import"), right=Right.PEOPLE),
    Nav(NavGroup.OFFICE, "/export", N_("Export"), right=Right.PEOPLE),
)


@router.get("/import")
def upload(context: Exporting) -> HTMLResponse:
    return import_page(context, None)


@router.post("/import", max_body_size=MAX_UPLOAD_BYTES)
def look_at(context: Clerk, imports: Imports, held: Held, file: UploadFile | None = None) -> HTMLResponse:
    """Say what a file would do. Nothing is changed."""
    content = file.file.read() if file else b""
    if not content:
        return import_page(context, context.say("bad", NOTHING_UPLOADED))
    report = _try(context, partial(imports.run, context.by, content, apply=False))
    if isinstance(report, HTMLResponse):
        return report
    code = "" if report.problems else held.hold(context.login.id_hash, content)
    return import_page(context, None, report, code)


@router.post("/import/apply")
def apply(context: Clerk, imports: Imports, held: Held, fields: Fields) -> HTMLResponse:
    """Carry out the file that was looked at."""
    content = held.take(context.login.id_hash, fields.get("code", ""))
    if content is None:
        return import_page(context, context.say("bad", GONE))
    ticked = {name: name in fields for name in ("new_flats", "new_companies")}
    report = _try(context, partial(imports.run, context.by, content, apply=True, **ticked))
    if isinstance(report, HTMLResponse):
        return report
    if report.applied or report.problems:
        return import_page(context, context.say("good", APPLIED) if report.applied else None, report)
    code = held.hold(context.login.id_hash, content)
    return import_page(context, context.say("bad", NOT_TICKED), report, code)


def _try(context: RequestContext, run: Callable[[], ImportReport]) -> ImportReport | HTMLResponse:
    try:
        return run()
    except NoTable as wrong:
        text = context.language.say(NO_TABLE) % {"why": wrong}
        return import_page(context, Said("bad", text))


def import_page(
    context: RequestContext, said: Said | None, report: ImportReport | None = None, code: str = ""
) -> HTMLResponse:
    """The form, and what the last file does."""
    doing = [line for line in report.lines if line.done] if report else []
    return context.render(
        "import.html",
        said=said,
        status=422 if report and report.problems else 0,
        report=report,
        doing=doing,
        most=LINES_SHOWN,
        file_code=code,
        columns=COLUMNS,
        done_words=DONE_WORDS,
        sentence=lambda problem: sentence_of(context, problem),
    )


def sentence_of(context: RequestContext, problem: TableProblem) -> str:
    """What is wrong, in the language of the page."""
    return context.language.sentence(problem.why.sentence)


@router.get("/export")
def choose(context: Exporting) -> HTMLResponse:
    return export_page(context, None)


def export_page(context: RequestContext, said: Said | None) -> HTMLResponse:
    return context.render("export.html", said=said, purposes=list(Purpose), most=MAX_EVENTS)


@router.post("/export")
def download(context: Clerk, exports: Exports, fields: Fields) -> Response:
    """Everything as a file. Whoever takes events takes movements: it needs a purpose."""
    try:
        days = int(fields.get("event_days", "0"))
        if not 0 <= days <= 3650:
            raise ValueError(days)
        purpose = read_purpose(fields.get("purpose", ""), fields.get("case", "")) if days else ""
    except Rejected as why:
        return export_page(context, context.say("bad", why.sentence))
    except ValueError:
        return export_page(context, context.say("bad", N_("A number of days is 0 to 3650. Nothing was exported.")))
    tables = exports.tables(context.by, ExportChoice("numbers" in fields, days), purpose)
    form = fields.get("form", "csv")
    if form == "sqlite":
        with TemporaryDirectory() as folder:
            file = Path(folder) / "hearthgate.db"
            write_sqlite(file, tables)
            return _file(file.read_bytes(), "hearthgate.db", "application/vnd.sqlite3")
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as folder_of_tables:
        for name, rows in tables.items():
            text, ending = (ndjson_text(rows), "ndjson") if form == "ndjson" else (csv_text(rows), "csv")
            folder_of_tables.writestr(f"{name}.{ending}", text)
    return _file(packed.getvalue(), f"hearthgate-{'ndjson' if form == 'ndjson' else 'csv'}.zip", "application/zip")


def _file(content: bytes, name: str, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
