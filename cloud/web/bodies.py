"""What the bodies of requests and answers of all domains are made of."""

from typing import Annotated, Any

import msgspec
from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict

from cloud.web.names import clean


class Words(BaseModel):
    """A name in both languages."""

    zh: str
    en: str


def plain(view: Struct) -> dict[str, Any]:
    """A row of the store as plain values."""
    made: dict[str, Any] = msgspec.to_builtins(view)
    return made


class Strict(BaseModel):
    """A body that may hold nothing beside its fields."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


Shown = Annotated[str, AfterValidator(clean)]
"""A text that is shown as a name, in its one form."""
