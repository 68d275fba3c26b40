"""What the console reads from a form, and the sentence that it says above one."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.responses import Response

from cloud.store.schema import MAX_INTEGER
from cloud.web.auth import Right
from cloud.web.context import N_, RequestContext, Said, form_for
from cloud.web.errors import page
from cloud.web.operators import MAX_REASON, MIN_REASON
from cloud.web.pages import see_other
from cloud.web.rejected import Rejected

T = TypeVar("T")

NOTHING_DONE = N_("Nothing was done")
NOTHING_TYPED: Mapping[str, str] = MappingProxyType({})
NO_REASON = N_("Give a reason of 2 to 200 characters: it is recorded in the audit. Nothing was done.")
NOT_RIGHT = N_("Something in the form is not right: check every field. Nothing was changed.")


REJECTED: Mapping[type[Exception], str] = {Rejected: "", ValueError: NOT_RIGHT}
"""What is said where a use case rejects the form, or a field is not what it should be."""


async def form_fields(request: Request) -> dict[str, str]:
    """What was filled in. An empty field was not."""
    return {key: value for key, value in await form_items(request) if value.strip()}


async def form_items(request: Request) -> list[tuple[str, str]]:
    """Every field with what was filled in, one that was sent several times as often. The page of a form that is refused
    shows them again."""
    sent = [(key, value) for key, value in (await request.form()).multi_items() if isinstance(value, str)]
    request.state.sent = sent
    return sent


Fields = Annotated[dict[str, str], Depends(form_fields)]
FormItems = Annotated[list[tuple[str, str]], Depends(form_items)]
Guard = Annotated[RequestContext, Depends(form_for(Right.DOORS))]
Clerk = Annotated[RequestContext, Depends(form_for(Right.PEOPLE))]
Mechanic = Annotated[RequestContext, Depends(form_for(Right.DEVICES))]


def number_in(fields: Mapping[str, str], name: str) -> int:
    """The number of a row that was typed. Raises ``ValueError`` for what can be none."""
    number = int(fields.get(name, ""))
    if not 0 <= number <= MAX_INTEGER:
        raise ValueError(name)
    return number


class NoReason(ValueError):
    """Nobody said why."""


def reason_in(fields: Mapping[str, str]) -> str:
    """What was typed into the field Why; raises ``NoReason``."""
    reason = fields.get("reason", "").strip()
    if not MIN_REASON <= len(reason) <= MAX_REASON:
        raise NoReason
    return reason


def attempt(
    context: RequestContext,
    act: Callable[[], T],
    then: str | Callable[[T], str],
    wrong: Mapping[type[Exception], str],
    again: Callable[[Said], Response] | None = None,
) -> Response:
    """Does what a form asks for, and leads on to the path ``then``, which may depend on what ``act`` returned.

    ``wrong`` are the exceptions of the act, the special ones first, each with the sentence that is then said; an empty
    one is the exception's own text. It stands above the form, on the page that ``again`` makes, or on a page of its
    own.
    """
    try:
        done = act()
    except tuple(wrong) as error:
        text = next(text for kind, text in wrong.items() if isinstance(error, kind))
        sentence = text or (error.sentence if isinstance(error, Rejected) else str(error))
        if again:
            return again(context.say("bad", sentence))
        status = error.status if isinstance(error, Rejected) else 422
        return page(context.request, status, NOTHING_DONE, sentence)
    return see_other(then if isinstance(then, str) else then(done))
