"""What the bodies of requests and answers of all domains are made of."""

from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from msgspec import Struct, structs, to_builtins
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from cloud.web.names import clean
from cloud.web.params import Reason


class Strict(BaseModel):
    """A body that may hold nothing beside its fields."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Added(BaseModel):
    id: int


class ReasonIn(BaseModel):
    reason: Reason


Shown = Annotated[str, AfterValidator(clean)]
"""A text that is shown as a name, in its one form."""
Hex = Annotated[str, BeforeValidator(bytes.hex)]


def plain(view: Struct) -> dict[str, Any]:
    """A row of the store as plain values."""
    made: dict[str, Any] = to_builtins(view)
    return made


def answer_of(kind: Any, *, without: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> Any:
    """The ``response_model`` of a call that returns Structs: the same type with a model for each Struct, and hex text
    for bytes. Nothing need be carried from the one into the other: FastAPI reads the attributes. Fields ``without``
    which the answer is are nobody's business; ``only`` names the fields and properties that it has."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _model_of(kind, without, only)
    if kind is bytes:
        return Hex
    parts = tuple(answer_of(part, without=without, only=only) for part in get_args(kind))
    if get_origin(kind) is UnionType:
        return reduce(or_, parts)
    return get_origin(kind)[parts] if parts else kind


@cache
def _model_of(view: type[Struct], without: tuple[str, ...], only: tuple[str, ...]) -> type[BaseModel]:
    types = {field.name: field.type for field in structs.fields(view)}
    encoded = {field.name: field.encode_name for field in structs.fields(view)}
    types |= {name: get_type_hints(getattr(view, name).fget)["return"] for name in only if name not in types}
    shown = only or [name for name in types if name not in without]
    fields: dict[str, Any] = {
        name: (answer_of(types[name], without=without), Field(serialization_alias=encoded.get(name))) for name in shown
    }
    return create_model(view.__name__, __doc__=view.__doc__, **fields)
