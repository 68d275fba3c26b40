"""What may stand in a field, in words: the types of msgspec as a reader of the reference meets them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import NODEFAULT, Struct, inspect, to_builtins

from tests.house.reference.markdown import code

NAMES = {
    inspect.AnyType: "anything",
    inspect.BoolType: "true or false",
    inspect.BytesType: "bytes",
    inspect.FloatType: "number",
    inspect.IntType: "integer",
    inspect.NoneType: "none",
    inspect.StrType: "text",
}
LIMITS: dict[str, Callable[[Any], str]] = {
    "gt": lambda value: f"> {value}",
    "ge": lambda value: f"≥ {value}",
    "lt": lambda value: f"< {value}",
    "le": lambda value: f"≤ {value}",
    "min_length": lambda value: f"length ≥ {value}",
    "max_length": lambda value: f"length ≤ {value}",
    "pattern": code,
}


def shape(kind: inspect.Type) -> str:
    """The type in words, such as ``list of text``."""
    match kind:
        case inspect.Metadata():
            return shape(kind.type)
        case inspect.UnionType():
            return " or ".join(shape(one) for one in kind.types)
        case inspect.LiteralType():
            return ", ".join(code(value) for value in kind.values)
        case inspect.EnumType():
            return ", ".join(code(one.value) for one in kind.cls)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return f"list of {shape(kind.item_type)}"
        case inspect.DictType():
            return f"table of {shape(kind.value_type)}"
        case inspect.StructType() | inspect.TypedDictType():
            return code(kind.cls.__name__)
    return NAMES[type(kind)]


def bounds(kind: inspect.Type) -> str:
    """The limits of a value, or of each where there are several; empty where the type says all."""
    match kind:
        case inspect.Metadata():
            return bounds(kind.type)
        case inspect.UnionType():
            return ", ".join(filter(None, map(bounds, kind.types)))
    least, most = getattr(kind, "min_length", None), getattr(kind, "max_length", None)
    if least is not None and least == most:
        return f"length {least}"
    own = [said(value) for name, said in LIMITS.items() if (value := getattr(kind, name, None)) is not None]
    inner = getattr(kind, "item_type", None) or getattr(kind, "value_type", None)
    each = bounds(inner) if inner else ""
    return ", ".join(filter(None, [*own, f"each {each}" if each else ""]))


def default(field: inspect.Field) -> str:
    """What stands where the field is left out; empty where it must be there."""
    if field.required:
        return ""
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    if value is None:
        return "none"
    if isinstance(value, Struct):
        return code("{}")
    return code(str(value).lower()) if isinstance(value, bool) else code(_written(to_builtins(value)))


def _written(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(list(value) if isinstance(value, tuple) else value)


def field_rows(struct: type[Struct]) -> list[list[str]]:
    """The fields of a struct: name, type, bounds and default."""
    return [[code(one.encode_name), shape(one.type), bounds(one.type), default(one)] for one in fields_of(struct)]


def fields_of(struct: type[Struct]) -> tuple[inspect.Field, ...]:
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    return kind.fields


def nested(structs: Iterable[type[Struct]]) -> list[type[Struct]]:
    """The structs, each followed by those that its fields are made of and that have not come yet."""
    found: dict[type[Struct], None] = {}
    for struct in structs:
        found[struct] = None
        found.update(dict.fromkeys(nested(one for field in fields_of(struct) for one in _structs_in(field.type))))
    return list(found)


def _structs_in(kind: inspect.Type) -> Iterator[type[Struct]]:
    if isinstance(kind, inspect.StructType):
        yield kind.cls
    for one in getattr(kind, "types", ()):
        yield from _structs_in(one)
    for name in ("type", "item_type", "value_type"):
        if hasattr(kind, name):
            yield from _structs_in(getattr(kind, name))
