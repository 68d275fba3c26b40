"""The routes of `/api/v1` about the setup: the whole of it as a file, and its tables row by row."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query
from fastapi.responses import JSONResponse
from msgspec import Struct, structs, to_builtins
from pydantic import BaseModel, Field

from cloud.setup.document import BadSetup, SetupFile, plain
from cloud.setup.fields import read_row
from cloud.setup.service import NeedsAccept, Outdated, Preview, SetupService
from cloud.setup.summary import values_of
from cloud.web.context import RequestContext, call_for, or_404, service
from cloud.web.errors import problem
from cloud.web.roles import Right
from cloud.web.setup_table import AnyTable, BadRow

MAX_BODY_BYTES = 8_000_000
"""A setup with 20,000 flats in its CSV has 1.5 MB."""
CODE_LENGTH = 8

Admin = Annotated[RequestContext, Depends(call_for(Right.SETUP))]
Setup = Annotated[SetupService, Depends(service(SetupService))]
Accept = Annotated[str, Query(max_length=CODE_LENGTH)]

router = APIRouter(prefix="/api/v1/setup", max_body_size=MAX_BODY_BYTES)


class SetupIn(BaseModel):
    """A setup to put in place. ``beside`` are the CSV files that it names. With ``dry_run`` nothing is changed;
    ``accept`` is the code of a grave change, ``as_of`` the last change that the caller knows of."""

    text: str
    beside: dict[str, str] = {}
    dry_run: bool = False
    accept: str = Field("", max_length=CODE_LENGTH)
    as_of: int | None = Field(None, ge=0)

    def file(self) -> SetupFile:
        return SetupFile(self.text.encode(), beside={name: text.encode() for name, text in self.beside.items()})


@router.get("")
def export(context: Admin, setup: Setup) -> dict[str, str]:
    """The whole setup as one file."""
    return {"text": setup.export()}


@router.post("")
def apply(body: SetupIn, context: Admin, setup: Setup) -> JSONResponse:
    """Put a setup in place, all of it or nothing, or only say what it would change."""

    def act() -> Preview:
        if body.dry_run:
            return setup.preview(body.file(), context.by)
        return setup.apply(body.file(), context.by, body.accept, body.as_of)

    return _answer(act, is_done=not body.dry_run)


@router.get("/{table}")
def rows(table: str, context: Admin, setup: Setup) -> list[dict[str, Any]]:
    """The rows of one table, as a file has them."""
    return [to_builtins(plain(row)) for row in setup.rows(_table(setup, table))]


@router.put("/{table}/{key:path}")
def put_row(
    table: str,
    key: str,
    body: Annotated[dict[str, Any], Body()],
    context: Admin,
    setup: Setup,
    accept: Accept = "",
) -> JSONResponse:
    """Make a row, or put it in the place of the one under this key."""
    found = _table(setup, table)
    return _answer(lambda: setup.change(context.by, found.kind, {key: _read(found, key, body)}, accept))


@router.delete("/{table}/{key:path}")
def remove_row(table: str, key: str, context: Admin, setup: Setup, accept: Accept = "") -> JSONResponse:
    found = _table(setup, table)
    or_404(next((row for row in setup.rows(found) if found.key_of(row) == key), None), f"there is no {table} {key}")
    return _answer(lambda: setup.change(context.by, found.kind, {key: None}, accept))


def _table(setup: SetupService, name: str) -> AnyTable:
    """Raises a 404. The one row of a single table is changed in the file."""
    tables = {table.name: table for table in setup.tables if not table.single}
    return or_404(tables.get(name), f"there is no table {name}; there is {', '.join(sorted(tables))}")


def _read(table: AnyTable, key: str, said: Mapping[str, Any]) -> Struct:
    """The row that a body says. Raises ``BadSetup``."""
    keyed = {"name": key, **said} if any(field.name == "name" for field in structs.fields(table.kind)) else said
    row, errors = read_row(keyed, table.kind, strict=False)
    if errors:
        raise BadSetup([f"{error.field}: {error.text}".removeprefix(": ") for error in errors])
    try:
        tidy: Struct = table.tidy(row)
    except BadRow as wrong:
        raise BadSetup([f"{wrong.field}: {wrong}".removeprefix(": ")]) from None
    if table.key_of(tidy) != key:
        raise BadSetup([f"this is the row {table.key_of(tidy)}, and the address names {key}"])
    return tidy


def _answer(act: Callable[[], Preview], *, is_done: bool = True) -> JSONResponse:
    try:
        return JSONResponse(values_of(act(), is_done=is_done))
    except BadSetup as wrong:
        return problem(422, "invalid", wrong.problems[0], problems=wrong.problems)
    except Outdated as newer:
        return problem(409, "outdated", str(newer), changes=to_builtins(newer.entries))
    except NeedsAccept as wants:
        return problem(409, "second_step", str(wants), preview=values_of(wants.preview, is_done=False))
