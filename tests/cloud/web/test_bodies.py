"""Structs as answers of the API: what is shown of them, and how FastAPI documents it."""

import asyncio
from enum import StrEnum
from typing import Any

import httpx
from fastapi import FastAPI
from msgspec import Struct

from cloud.web.bodies import answer_of


class Colour(StrEnum):
    RED = "red"


class Part(Struct, frozen=True):
    """A part of a thing."""

    colour: Colour
    secret: str = "hidden"


class Thing(Struct, frozen=True):
    key: bytes
    parts: tuple[Part, ...]
    by_name: dict[str, Part | None]
    secret: str | None = None

    @property
    def size(self) -> int:
        return len(self.parts)


THING = Thing(b"\x0a\xff", (Part(Colour.RED),), {"a": Part(Colour.RED), "b": None})


def answer(path: str) -> Any:
    """What an application with two calls says to a caller."""
    app = FastAPI()
    app.add_api_route("/whole", lambda: [THING], response_model=answer_of(list[Thing]))
    app.add_api_route("/shown", lambda: THING, response_model=answer_of(Thing, without=("secret",)))

    async def ask() -> Any:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as caller:
            return (await caller.get(path)).json()

    return asyncio.run(ask())


def test_struct_is_answered_as_it_is() -> None:
    part = {"colour": "red", "secret": "hidden"}
    thing = {"key": "0aff", "parts": [part], "by_name": {"a": part, "b": None}, "secret": None}
    assert answer("/whole") == [thing]


def test_fields_left_out_are_shown_nowhere() -> None:
    part = {"colour": "red"}
    assert answer("/shown") == {"key": "0aff", "parts": [part], "by_name": {"a": part, "b": None}}


def test_answer_is_documented_by_its_struct() -> None:
    schemas = answer("/openapi.json")["components"]["schemas"]
    (part,) = [schema for name, schema in schemas.items() if "Part" in name and "secret" in schema["properties"]]
    assert (part["description"], part["required"]) == ("A part of a thing.", ["colour", "secret"])
