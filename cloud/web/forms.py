"""What the console reads from a form, and the sentence that it says above one."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from fastapi import Depends, Request
from fastapi.responses import Response
from msgspec import Struct

from cloud.web.auth import Right
from cloud.web.context import N_, form_for
from cloud.web.operators import MAX_REASON, MIN_REASON, Login
from cloud.web.pages import Pages, see_other

NO_REASON = N_("Say why, in 2 to 200 characters: it is kept in the audit. Nothing was done.")
NOT_RIGHT = N_("Something in the form is not right: look at every field again. Nothing was changed.")


async def form_fields(request: Request) -> dict[str, str]:
    """What was filled in. An empty field was not."""
    return {key: value for key, value in (await request.form()).items() if isinstance(value, str) and value.strip()}


Fields = Annotated[dict[str, str], Depends(form_fields)]
Guard = Annotated[Login, Depends(form_for(Right.DOORS))]
Clerk = Annotated[Login, Depends(form_for(Right.PEOPLE))]
Mechanic = Annotated[Login, Depends(form_for(Right.DEVICES))]


class NoReason(ValueError):
    """Nobody said why."""


def reason_in(fields: Mapping[str, str]) -> str:
    """What was typed into the field Why; raises ``NoReason``."""
    reason = fields.get("reason", "").strip()
    if not MIN_REASON <= len(reason) <= MAX_REASON:
        raise NoReason
    return reason


class Said(Struct, frozen=True):
    """A sentence above a form."""

    tone: Literal["good", "bad"]
    text: str


def say(request: Request, tone: Literal["good", "bad"], text: str) -> Said:
    pages: Pages = request.app.state.pages
    return Said(tone, pages.language(request).say(text))


def confirm(request: Request, sentences: Mapping[str, str], code: str) -> Said | None:
    """What is said above the page that a form leads to; nothing of a code that no form of the page gives."""
    return say(request, "good", sentences[code]) if code in sentences else None


def attempt(
    request: Request,
    act: Callable[[], object],
    path: str,
    again: Callable[[Said], Response],
    wrong: Mapping[type[Exception], str],
) -> Response:
    """Does what a form asks for, and leads on to the path, in which ``{}`` is what ``act`` returned; or makes the page
    of the form ``again``. ``wrong`` are the exceptions of the act, the special ones first, each with the sentence that
    is then said; an empty one is the exception's own text."""
    try:
        return see_other(path.format(act()))
    except tuple(wrong) as error:
        sentence = next(text for kind, text in wrong.items() if isinstance(error, kind))
        return again(say(request, "bad", sentence or str(error)))
