"""The routes of `/api/v1` about one's own logins."""

from fastapi import APIRouter, HTTPException
from msgspec import Struct

from cloud.web.auth import NoLogin
from cloud.web.bodies import answer_of
from cloud.web.params import OwnCall

router = APIRouter(prefix="/api/v1")


class LoginAnswer(Struct, frozen=True):
    """A login of one's own. ``name`` tells it from others, ``is_this`` says that it asks."""

    name: str
    is_this: bool
    created_ms: int
    seen_ms: int
    expires_ms: int
    address: str
    browser: str


@router.get("/logins", response_model=answer_of(list[LoginAnswer]))
def list_logins(context: OwnCall) -> list[LoginAnswer]:
    """One's own logins that stand, the newest first."""
    mine, now = context.authenticator.logins_of(context.login.operator), context.login.name
    return [
        LoginAnswer(one.name, one.name == now, one.created_ms, one.seen_ms, one.expires_ms, one.address, one.browser)
        for one in mine
    ]


@router.delete("/logins/{name}", status_code=204)
def end_login(name: str, context: OwnCall) -> None:
    """End one of one's own logins."""
    try:
        context.authenticator.end_login(context.login.operator, name, context.by)
    except NoLogin:
        raise HTTPException(404, "no login of yours is so called") from None
