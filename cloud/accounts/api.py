"""The routes of `/api/v1` about one's own logins and tokens."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from msgspec import Struct
from pydantic import Field

from cloud.web.auth import NoLogin
from cloud.web.bodies import Strict, answer_of
from cloud.web.context import service
from cloud.web.params import Id, OwnCall
from cloud.web.roles import Right
from cloud.web.tokens import MAX_DAYS, MAX_NAME, Token, TokenService

Tokens = Annotated[TokenService, Depends(service(TokenService))]

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


class TokenIn(Strict):
    """A token to be made: what it is for, what it may, and for how many days."""

    name: str = Field(min_length=1, max_length=MAX_NAME)
    scopes: list[Right] = Field(min_length=1, max_length=len(Right))
    days: int = Field(90, ge=1, le=MAX_DAYS)


class TokenMade(Struct, frozen=True):
    """The token, which is shown now and never again."""

    token: str


@router.get("/tokens", response_model=answer_of(list[Token]))
def list_tokens(context: OwnCall, tokens: Tokens) -> list[Token]:
    """One's own tokens that count, the newest first."""
    return tokens.list_of(context.login.operator)


@router.post("/tokens", status_code=201, response_model=answer_of(TokenMade))
def make_token(body: TokenIn, context: OwnCall, tokens: Tokens) -> TokenMade:
    """Make a token for a program. No token makes another."""
    return TokenMade(tokens.make(context.login.operator, body.name, body.scopes, body.days))


@router.delete("/tokens/{token}", status_code=204)
def end_token(token: Id, context: OwnCall, tokens: Tokens) -> None:
    tokens.end(context.login.operator, token, context.by)
