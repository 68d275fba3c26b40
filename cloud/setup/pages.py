"""The settings page: the setup as a file to take away, and one to put in place after a look at what it would change."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from msgspec import structs
from starlette.datastructures import UploadFile

from cloud.setup.csv_rows import write_csv
from cloud.setup.document import BadSetup, SetupFile
from cloud.setup.service import NeedsAccept, Outdated, Preview, SetupService
from cloud.setup.setup_tables import SITE, SiteRow
from cloud.web.auth import Right
from cloud.web.context import N_, RequestContext, Said, form_for, or_404, page_for, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import Fields
from cloud.web.pages import see_other

MAX_PAGE_BYTES = 900_000
"""Of the files that are sent to the page. A larger setup is put in place on the command line."""
MAX_INLINE = 50
"""Flats that stand in the setup itself; more of them stand in a CSV file that it names."""
BESIDE = "beside-"
"""How the fields begin that carry a CSV file from the look at a setup to its application."""

DONE: Mapping[str, str] = {
    "applied": N_("The setup is applied. Online doors apply it within a second, offline ones when they reconnect."),
    "duress": N_("Changed. Online doors apply it within a second, offline ones when they reconnect."),
    "same": N_("Nothing differs from what stands: nothing was changed."),
}
NO_FILE = N_("Choose a setup file, or paste its text. Nothing was changed.")
TOO_LARGE = N_("The files are too large for this page: use hearthgate-cloud setup apply. Nothing was changed.")
NOT_SO = N_("The setup cannot be applied: every wrong line is named below. Nothing was changed.")
MEANWHILE = N_(
    "Somebody else has changed the setup meanwhile: see below. Nothing was changed now. Your text is kept: bring in "
    "what they did, leave out its line as_of_change, and look at it again."
)
GRAVE = N_("This change is grave: read whom it concerns, then apply it with the code below. Nothing was changed yet.")

Reader = Annotated[RequestContext, Depends(page_for(Right.SETUP))]
Writer = Annotated[RequestContext, Depends(form_for(Right.SETUP))]
Setup = Annotated[SetupService, Depends(service(SetupService))]

router = APIRouter(prefix="/settings", max_body_size=2 * MAX_PAGE_BYTES)
NAV = (Nav(NavGroup.OFFICE, "/settings", N_("Settings"), right=Right.SETUP),)


@router.get("")
def settings(context: Reader, setup: Setup, done: str = "") -> HTMLResponse:
    return settings_page(context, setup, context.confirm(DONE, done))


def settings_page(
    context: RequestContext,
    setup: SetupService,
    said: Said | None,
    *,
    sent: SetupFile | None = None,
    wrong: BadSetup | None = None,
    newer: Outdated | None = None,
) -> HTMLResponse:
    """``sent`` stands in the form again, with the CSV files that came along."""
    return context.render(
        "settings.html",
        said=said,
        status=409 if newer else 0,
        sent=_texts_of(sent) if sent else {},
        problems=wrong.problems if wrong else [],
        entries=newer.entries if newer else [],
        beside=_named_beside(setup),
        duress=_site(setup).duress,
    )


def _site(setup: SetupService) -> SiteRow:
    (row,) = (row for row in setup.rows(SITE) if isinstance(row, SiteRow))
    return row


@router.post("/duress")
def set_duress(context: Writer, setup: Setup, fields: Fields) -> Response:
    """Whether staff may signal duress with their PIN."""
    row = structs.replace(_site(setup), duress=fields.get("duress") == "yes")
    try:
        setup.change(context.by, SiteRow, {"": row})
    except Outdated as newer:
        return settings_page(context, setup, context.say("bad", MEANWHILE), newer=newer)
    return see_other("/settings?done=duress")


@router.get("/setup.toml")
def setup_file(context: Reader, setup: Setup) -> Response:
    names = {name: f"{name}.csv" for name in _named_beside(setup)}
    return _download(setup.export(names), "setup.toml", "application/toml")


def _named_beside(setup: SetupService) -> list[str]:
    """The tables that are so long that they stand in a CSV file."""
    return [table.csv for table in setup.beside if len(setup.rows(table)) > MAX_INLINE]


@router.get("/{name}.csv")
def csv_file(name: str, context: Reader, setup: Setup) -> Response:
    table = or_404(next((table for table in setup.beside if table.csv == name), None))
    return _download(write_csv(setup.rows(table), table.kind), f"{name}.csv", "text/csv")


def _download(text: str, name: str, kind: str) -> Response:
    return Response(
        text, media_type=f"{kind}; charset=utf-8", headers={"Content-Disposition": f"attachment; filename={name}"}
    )


async def sent_setup(request: Request) -> SetupFile | None:
    """The files of a form, or the texts that they were sent back as; None if there is no setup among them."""
    form = await request.form()
    beside: dict[str, bytes] = {}
    content, called = b"", "setup.toml"
    for key, value in form.multi_items():
        if isinstance(value, UploadFile):
            sent = await value.read()
            if key == "setup" and sent:
                content, called = sent, value.filename or called
            elif sent:
                beside[value.filename or key] = sent
        elif key == "text" and value.strip() and not content:
            content = value.encode()
        elif key.startswith(BESIDE):
            beside[key.removeprefix(BESIDE)] = value.encode()
    return SetupFile(content, called, beside) if content else None


Sent = Annotated[SetupFile | None, Depends(sent_setup)]


@router.post("/preview")
def preview(context: Writer, setup: Setup, sent: Sent) -> Response:
    """What the setup would change, and for whom."""
    again = partial(settings_page, context, setup)
    if sent is None:
        return again(context.say("bad", NO_FILE))
    if len(sent.content) + sum(map(len, sent.beside.values())) > MAX_PAGE_BYTES:
        return again(context.say("bad", TOO_LARGE))
    try:
        found = setup.preview(sent, context.by)
    except BadSetup as wrong:
        return again(context.say("bad", NOT_SO), sent=sent, wrong=wrong)
    except Outdated as newer:
        return again(context.say("bad", MEANWHILE), sent=sent, newer=newer)
    if not found.differences:
        return see_other("/settings?done=same")
    return _preview_page(context, sent, found, None)


@router.post("/apply")
def apply(context: Writer, setup: Setup, sent: Sent, fields: Fields) -> Response:
    """Put in place what was looked at, unless something was changed meanwhile."""
    if sent is None:
        return settings_page(context, setup, context.say("bad", NO_FILE))
    as_of = int(fields["as_of"]) if fields.get("as_of", "").isdecimal() else None
    try:
        setup.apply(sent, context.by, fields.get("accept", "").strip(), as_of)
    except BadSetup as wrong:
        return settings_page(context, setup, context.say("bad", NOT_SO), sent=sent, wrong=wrong)
    except Outdated as newer:
        return settings_page(context, setup, context.say("bad", MEANWHILE), sent=sent, newer=newer)
    except NeedsAccept as wants:
        return _preview_page(context, sent, wants.preview, context.say("bad", GRAVE))
    return see_other("/settings?done=applied")


def _preview_page(context: RequestContext, sent: SetupFile, found: Preview, said: Said | None) -> HTMLResponse:
    return context.render("setup_preview.html", said=said, preview=found, sent=_texts_of(sent))


def _texts_of(sent: SetupFile) -> Mapping[str, str]:
    """The fields that carry the files from one page to the next."""
    beside = {BESIDE + name: content for name, content in sent.beside.items()}
    return {name: content.decode(errors="replace") for name, content in {"text": sent.content, **beside}.items()}
