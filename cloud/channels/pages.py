"""The page of channels: where those on duty are called, whether that works, and a button to try it."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.cases.rule import Grade
from cloud.cases.words import GRADE_WORDS
from cloud.channels import store
from cloud.channels.calling import names_on_duty
from cloud.channels.service import ChannelService
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.web.context import N_, RequestContext, Said, form_for, page_for, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOT_RIGHT, NOTHING_TYPED, REJECTED, Fields, attempt
from cloud.web.operators import list_operators
from cloud.web.rejected import Rejected
from cloud.web.roles import Right

DONE: Mapping[str, str] = {
    "removed": N_("Removed."),
    "test": N_("A test message is on its way: look whether it arrives."),
}

ChannelReader = Annotated[RequestContext, Depends(page_for(Right.SETUP))]
Writer = Annotated[RequestContext, Depends(form_for(Right.SETUP))]
Channels = Annotated[ChannelService, Depends(service(ChannelService))]
Keys = Annotated[KeyFolder, Depends(service(KeyFolder))]

router = APIRouter(prefix="/channels")
NAV = (Nav(NavGroup.ESTATE, "/channels", N_("Channels"), after="/duties", right=Right.SETUP),)


@router.get("")
def channels_of_site(context: ChannelReader, keys: Keys, done: str = "") -> HTMLResponse:
    return channels_page(context, keys, context.confirm(DONE, done))


def channels_page(
    context: RequestContext,
    keys: KeyFolder,
    said: Said | None,
    *,
    typed: Mapping[str, str] = NOTHING_TYPED,
    secret: str = "",
) -> HTMLResponse:
    """``secret`` is that of a channel which was added just now."""
    now_ms = context.clock()
    with context.store.reading() as connection:
        site = site_of(connection)
        listed = store.list_channels(connection, site.name, keys.numbers)
        waiting = store.count_waiting(connection, site.name)
        on_duty = names_on_duty(connection, site, now_ms)
        operators = [one.name for one in list_operators(connection) if not one.disabled]
    return context.render(
        "channels.html",
        said=said,
        listed=listed,
        waiting=waiting,
        on_duty=on_duty,
        operators=operators,
        grades=GRADE_WORDS,
        typed=typed,
        secret=secret,
    )


@router.post("")
def add_channel(context: Writer, keys: Keys, channel_service: Channels, fields: Fields) -> Response:
    """The answer shows the secret: no other page ever does."""
    again = partial(channels_page, context, keys, typed=fields)
    try:
        grade = Grade(fields.get("grade", Grade.SERVICE))
        given = fields.get("name", ""), fields.get("url", ""), fields.get("operator", "")
        secret = channel_service.add(context.by, *given, grade)
    except Rejected as rejected:
        return again(context.say("bad", rejected.sentence))
    except ValueError:
        return again(context.say("bad", NOT_RIGHT))
    return channels_page(context, keys, None, secret=secret)


@router.post("/{name}/test")
def try_channel(name: str, context: Writer, keys: Keys, channel_service: Channels) -> Response:
    act = partial(channel_service.test, context.by, name)
    return attempt(context, act, "/channels?done=test", REJECTED, partial(channels_page, context, keys))


@router.post("/{name}/remove")
def remove_channel(name: str, context: Writer, keys: Keys, channel_service: Channels) -> Response:
    act = partial(channel_service.remove, context.by, name)
    return attempt(context, act, "/channels?done=removed", REJECTED, partial(channels_page, context, keys))
